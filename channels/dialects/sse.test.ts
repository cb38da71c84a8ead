import { expect, it } from "vitest";
import { heartbeatText, readLastEventId, renderClosed, renderEventId, renderRetry, translate } from "./sse.ts";

const position = { epoch: "e1", offset: 4 };
const event = { type: "opportunity_detected", channel: "opportunities", epoch: "e1", offset: 7, prev: 4, id: "a", data: { x: "1" } };

interface Read {
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
}

/** What a reader dispatches, by the rules of WHATWG HTML, 9.2.6: a block without data is no event. */
function parsed(text: string): Read[] {
  return text.split("\n\n").flatMap((block) => {
    const fields: Record<string, string> = {};
    for (const line of block.split("\n").filter((field) => !field.startsWith(":"))) {
      const [, name = "", value = ""] = /^([a-z]*)(?:: ?(.*))?$/.exec(line) ?? [];
      fields[name] = name === "data" && fields["data"] !== undefined ? `${fields["data"]}\n${value}` : value;
    }
    return fields["data"] === undefined ? [] : [fields as unknown as Read];
  });
}

function sent(frame: unknown, from: Parameters<typeof translate>[1] = position): { text: string; position: unknown } {
  const step = translate(typeof frame === "string" ? frame : JSON.stringify(frame), from);
  if (step.kind !== "send") throw new Error(step.kind);
  return step;
}

it.each(["", "e1", "e1:", ":4", "e1:x", "e1:-1", "e 1:4", "e1:4:5", `${"e".repeat(65)}:1`, `e1:${"9".repeat(16)}`])(
  "does not take %j for a position",
  (text) => {
    expect(readLastEventId(text)).toBeUndefined();
  },
);

it("reads back the id it wrote", () => {
  expect(readLastEventId(renderEventId(position))).toEqual(position);
});

it("ends on what a reader may not hear any more, and says why", () => {
  const frame = { type: "unsubscribed", channel: "executions", code: 2003, reason: "forbidden" };
  const step = translate(JSON.stringify(frame), position);
  expect(step.kind).toBe("end");
  expect(parsed(step.kind === "end" ? step.text : "")).toMatchObject([{ event: "unsubscribed", data: JSON.stringify(frame) }]);
});

it("asks for the lost part instead of telling it, when the relay lost continuity", () => {
  const frame = { type: "unsubscribed", channel: "market", code: 2500, reason: "insufficient state" };
  expect(translate(JSON.stringify(frame), position)).toEqual({ kind: "resubscribe" });
});

it("tells a lost position as the named event `subscribed`, with the position it goes on from", () => {
  const frame = { type: "subscribed", channel: "market", epoch: "e2", offset: 40, recovered: false, was_recovering: true };
  const { text, position: next } = sent(frame);
  expect(parsed(text)).toEqual([{ id: "e2:40", event: "subscribed", data: JSON.stringify(frame) }]);
  expect(next).toEqual({ epoch: "e2", offset: 40 });
});

it("gives an event its position as id, its type as name and its frame as data, untouched", () => {
  const text = JSON.stringify(event).replace('"x":"1"', '"x":115792089237316195423570985008687907853');
  expect(parsed(sent(text).text)).toEqual([{ id: "e1:7", event: "opportunity_detected", data: text }]);
  expect(sent(text).position).toEqual({ epoch: "e1", offset: 7 });
});

it("keeps a frame whole even if it had line breaks", () => {
  const text = JSON.stringify(event, null, 1).replace("\n", "\r\n");
  const [read] = parsed(sent(text).text);
  expect(JSON.parse(read?.data ?? "")).toEqual(event);
});

it("moves on by an id alone, and dispatches nothing for it", () => {
  const { text, position: next } = sent({ type: "position", channel: "opportunities", offset: 90 });
  expect([text, next]).toEqual(["id: e1:90\n\n", { epoch: "e1", offset: 90 }]);
  expect(parsed(text)).toEqual([]);
});

it("tells what has no position without moving the reader", () => {
  const frame = { type: "token_expiring", expires_at: "2026-11-24T02:00:00.000Z" };
  const { text, position: next } = sent(frame);
  expect(parsed(text)).toEqual([{ event: "token_expiring", data: JSON.stringify(frame) }]);
  expect(next).toBe(position);
});

it.each(["welcome", "authenticated", "pong"])("keeps %s to itself", (type) => {
  expect(translate(JSON.stringify({ type }), undefined)).toEqual({ kind: "skip" });
});

it("says why the socket behind it closed", () => {
  expect(parsed(renderClosed(4009, "token expired"))).toMatchObject([
    { event: "closed", data: '{"type":"closed","code":4009,"reason":"token expired"}' },
  ]);
});

it("brings readers back within one and a half seconds, spread, and its heartbeat is no event", () => {
  expect([renderRetry(0), renderRetry(0.999)]).toEqual(["retry: 500\n\n", "retry: 1499\n\n"]);
  expect(parsed(heartbeatText)).toEqual([]);
});
