import { expect, it } from "vitest";
import type { Session } from "../../schemas/sessions.ts";
import { refreshGraceMs } from "../../schemas/token-limits.ts";
import { judge } from "./sessions-judge.ts";

const session: Session = {
  sessionId: "s",
  userId: "u",
  clientId: "c",
  role: "trader",
  channels: undefined,
  lifetimeSeconds: 60,
  generation: 5,
  createdMs: 0,
  rotatedMs: 1_000_000,
  expiresMs: 90_000_000,
  revokedMs: undefined,
  revokedFor: undefined,
};

it.each<[string, Session | undefined, number, number, object]>([
  ["an unknown session", undefined, 4, 1_000_000, { kind: "over", reason: "unknown" }],
  ["a session that was ended", { ...session, revokedMs: 1 }, 4, 1_000_000, { kind: "over", reason: "revoked" }],
  ["a session that ran out", session, 4, 90_000_000, { kind: "over", reason: "expired" }],
  ["a number that was never given", session, 6, 1_000_000, { kind: "over", reason: "unknown" }],
  ["the last number, at once", session, 4, 1_000_000, { kind: "repeated", session }],
  ["the last number, at the end of the grace", session, 4, 1_000_000 + refreshGraceMs, { kind: "repeated", session }],
  ["the last number, later", session, 4, 1_000_001 + refreshGraceMs, { kind: "reused", session }],
  ["the number before the last, at once", session, 3, 1_000_000, { kind: "reused", session }],
])("%s: %#", (_, stored, generation, nowMs, verdict) => {
  expect(judge(stored, { generation, nowMs })).toEqual(verdict);
});
