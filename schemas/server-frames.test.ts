import { expect, expectTypeOf, it } from "vitest";
import type { z } from "zod";
import { controlFrames } from "./server-frames.ts";
import type { ServerFrame } from "./socket.ts";

type Control = { [Name in keyof typeof controlFrames]: z.infer<(typeof controlFrames)[Name]> }[keyof typeof controlFrames];
/** Rendered as text, not from a type. */
type Typed = Exclude<Control, { type: "position" }>;

it("describes exactly the frames the relay can write: a new type fails to compile here", () => {
  expectTypeOf<Typed["type"]>().toEqualTypeOf<Exclude<ServerFrame["type"], "position">>();
  const described: readonly string[] = Object.entries(controlFrames).map(([name, schema]) =>
    schema.shape.type.value === name ? name : `not ${name}`,
  );
  expect(described).toEqual(Object.keys(controlFrames));
});

it.each<ServerFrame>([
  { type: "welcome", connection_id: "c", region: "weur", protocol: 1 },
  { type: "authenticated", expires_at: "2026-11-24T02:00:00.000Z", id: 7 },
  { type: "token_expiring", expires_at: "2026-11-24T02:00:00.000Z" },
  { type: "subscribed", channel: "market", epoch: "e", offset: 3, recovered: true, was_recovering: true, id: "a" },
  { type: "unsubscribed", channel: "market", code: 2500, reason: "insufficient state" },
  { type: "presence", channel: "market", members: [{ user: "u", client: "c" }], clients: 1, users: 1 },
  { type: "join", channel: "market", member: { user: "u", client: "c" } },
  { type: "leave", channel: "market", member: { user: "u", client: "c" } },
  { type: "pong", timestamp: 1_234.5678 },
  { type: "pong" },
  { type: "error", code: "INVALID_PARAMETERS", message: "m", path: "channel", id: 1 },
])("takes $type as the relay writes it, with nothing undescribed", (frame) => {
  expect(controlFrames[frame.type].strict().parse(frame)).toEqual(frame);
});
