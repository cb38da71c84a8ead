import { describe, expect, it } from "vitest";
import { eventTypes } from "../../schemas/event.ts";
import { idCharsMax } from "../../schemas/limits.ts";
import {
  replayEntitiesMax,
  replayEventsPerSecondMax,
  replayFactorMax,
  replayFactorMin,
  replayWindowMsMax,
} from "../../schemas/limits-replay.ts";
import { ReplayBody, specOf } from "./body.ts";

const toMs = Date.UTC(2026, 10, 24, 8);
const good = { mode: "rebuild", streams: ["opportunities"], from: "2026-11-24T07:00:00Z", to: new Date(toMs).toISOString() };
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `entity-${index}`);
const types = Object.keys(eventTypes);

describe("a replay's order", () => {
  it.each<[string, unknown, unknown]>([
    ["entities", names(replayEntitiesMax), names(replayEntitiesMax + 1)],
    ["entities", ["x".repeat(idCharsMax)], ["x".repeat(idCharsMax + 1)]],
    ["types", types, [...types, types[0]]],
    ["streams", Array<string>(64).fill("market"), Array<string>(65).fill("market")],
    ["events_per_second_max", replayEventsPerSecondMax, replayEventsPerSecondMax + 1],
    ["events_per_second_max", 1, 0],
    ["pace", `x${replayFactorMin}`, "x0.099"],
    ["pace", `x${replayFactorMax}`, "x1000.001"],
    ["delivery_limit", 1, 0],
  ])("takes %s up to its bound and not beyond", (field, within, beyond) => {
    expect(ReplayBody.safeParse({ ...good, [field]: within }).error).toBeUndefined();
    expect(ReplayBody.safeParse({ ...good, [field]: beyond }).error?.issues[0]?.path[0]).toBe(field);
  });

  it("takes a window of its bound and not a millisecond more", () => {
    const specFrom = (fromMs: number) => specOf(ReplayBody.parse({ ...good, from: new Date(fromMs).toISOString() }), toMs + 1);
    expect(specFrom(toMs - replayWindowMsMax)).toMatchObject({ fromMs: toMs - replayWindowMsMax, toMs });
    expect(() => specFrom(toMs - replayWindowMsMax - 1)).toThrow("to: must be within");
  });
});
