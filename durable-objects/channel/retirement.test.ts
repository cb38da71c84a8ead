import { expect, it } from "vitest";
import { replayChannelIdleMs, replayChannelLookMs } from "../../schemas/limits.ts";
import { isRetired, retirementDue } from "./retirement.ts";

const createdAt = 1_000_000;
const use = { stream: "replay:1", createdAt, lastAt: createdAt + 5_000, relays: 0 };
const idleAt = use.lastAt + replayChannelIdleMs;

it("looks a day after the last event, or after the first use when none came", () => {
  expect(retirementDue(use, createdAt)).toBe(idleAt);
  expect(retirementDue({ ...use, lastAt: 0 }, createdAt)).toBe(createdAt + replayChannelIdleMs);
  expect([isRetired(use, idleAt - 1), isRetired(use, idleAt)]).toEqual([false, true]);
});

it("keeps a channel that somebody hears, and looks again an hour later instead of at once", () => {
  const heard = { ...use, relays: 1 };
  expect(isRetired(heard, idleAt + 1)).toBe(false);
  expect(retirementDue(heard, idleAt + 1)).toBe(idleAt + 1 + replayChannelLookMs);
});

it.each(["opportunities", "market", "replay", "replay:A"])("keeps %s for good", (stream) => {
  expect(retirementDue({ ...use, stream }, idleAt)).toBeUndefined();
  expect(isRetired({ ...use, stream }, Number.MAX_SAFE_INTEGER)).toBe(false);
});
