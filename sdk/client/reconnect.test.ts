import { expect, it } from "vitest";
import { closeCodes } from "../../schemas/socket.ts";
import { afterClose, delayMsMax, errorOfClose, firstDelayMsMax, noAttempts, refusalsMax, stableMs, type Attempts } from "./reconnect.ts";

const nearlyOne = 1 - Number.EPSILON;

function after(code: number, { openMs = 0, reason = "", failures = 0, refusals = 0, random = nearlyOne } = {}) {
  return afterClose({ failures, refusals }, { code, reason, openMs }, random);
}

function delayOf(plan: ReturnType<typeof after>): number {
  if (plan.kind === "stop") throw new Error("stopped");
  return plan.delayMs;
}

it.each([
  ["a broken line", 1000],
  ["nothing said", 1005],
  ["an abnormal end", 1006],
  ["a restart", 1001],
  ["a slow consumer", closeCodes.slow],
  ["an expired token", closeCodes.expired],
])("after %s the first delay is drawn from less than a second, and may be hurried", (_why, code) => {
  expect(firstDelayMsMax).toBeLessThan(1_000);
  expect(delayOf(after(code, { random: 0 }))).toBe(0);
  expect(delayOf(after(code))).toBeLessThanOrEqual(firstDelayMsMax);
  expect(after(code)).toMatchObject({ kind: "wait", hurry: true });
  expect(errorOfClose(code)).toBeUndefined();
});

it("doubles the bound with each connection that did not last, up to half a minute", () => {
  const bounds: number[] = [];
  let attempts: Attempts = noAttempts;
  for (let index = 0; index < 12; index++) {
    const plan = afterClose(attempts, { code: 1006, reason: "", openMs: 50 }, nearlyOne);
    bounds.push(Math.round(delayOf(plan)));
    attempts = plan.attempts;
  }
  expect(bounds.slice(0, 6)).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600]);
  expect(bounds.slice(6)).toEqual(Array.from({ length: 6 }, () => delayMsMax));
});

it("starts small again only after a connection that lasted: one that opens and dies at once keeps its distance", () => {
  expect(after(1006, { openMs: stableMs - 1, failures: 6 }).attempts.failures).toBe(7);
  expect(after(1006, { openMs: stableMs, failures: 6 }).attempts.failures).toBe(0);
});

it.each([closeCodes.unauthorized, closeCodes.forbidden, closeCodes.policy, closeCodes.tooBig])(
  "asks about a refusal (%i) once a minute, says so, and stops after five in a row",
  (code) => {
    expect(delayOf(after(code, { random: 0 }))).toBe(60_000);
    expect(delayOf(after(code))).toBeGreaterThanOrEqual(30_000);
    expect(after(code)).toMatchObject({ kind: "wait", hurry: false });
    expect(after(code, { refusals: refusalsMax - 1 })).toMatchObject({ kind: "stop" });
    expect(errorOfClose(code)).toEqual(expect.any(String));
  },
);

it.each([
  ['{"retry_after":7}', 7_000],
  ["retry_after=7", 7_000],
  ["capacity, retry_after: 2.5", 2_500],
  ["full", 0],
  ["retry_after=999999", 300_000],
])("waits at least as long as a full edge asks (%s)", (reason, floorMs) => {
  expect(delayOf(after(closeCodes.capacity, { reason, random: 0 }))).toBe(floorMs);
  expect(delayOf(after(closeCodes.capacity, { reason }))).toBeGreaterThan(floorMs);
  if (floorMs > 0) expect(after(closeCodes.capacity, { reason })).toMatchObject({ hurry: false });
});

it("backs off after too many messages, and no wake cuts that short", () => {
  expect(delayOf(after(closeCodes.tooMany, { random: 0 }))).toBe(15_000);
  expect(after(closeCodes.tooMany)).toMatchObject({ kind: "wait", hurry: false });
});
