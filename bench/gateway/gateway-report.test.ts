import { expect, it } from "vitest";
import { renderGateway, renderSteps, renderTargets } from "./gateway-report.ts";

const asked = (...micros: number[]) => micros.map((microsCpu) => ({ microsCpu, p50Ms: 1, p99Ms: 2, outcomes: { "200 hit": 10 } }));

it.each([
  [200, "met"],
  [201, "MISSED"],
])("beside a bare handler of 100 µs, a hit of %i µs has the aim %s", (micros, verdict) => {
  const rounds = { "bare handler": asked(100), "anonymous hit": asked(micros), banned: asked(1) };
  expect(renderTargets(rounds, ["banned"]).split("\n")[0]).toMatch(new RegExp(`: ${verdict}$`));
});

it.each([
  [149, "150 µs: met; than a 304, 120 µs: MISSED"],
  [150, "150 µs: MISSED; than a 304, 120 µs: MISSED"],
  [119, "150 µs: met; than a 304, 120 µs: met"],
])("beside a hit of 150 µs and a 304 of 120, a refusal of %i µs: %s", (micros, verdict) => {
  const rounds = {
    "bare handler": asked(100),
    "anonymous hit": asked(150),
    "anonymous hit, 304": asked(120),
    miss: asked(400),
    "bad token": asked(micros),
    banned: asked(90),
  };
  expect(renderTargets(rounds, ["bad token", "banned"])).toContain(verdict);
});

it("takes ratios within a round, so that a slow minute slows both", () => {
  const text = renderGateway({ "bare handler": asked(100, 1_000, 100), "anonymous hit": asked(150, 1_500, 150) });
  expect(text).toContain("150 [150–1500] µs CPU  1.50 [1.50–1.50]× bare");
  expect(text).toContain("30 × 200 hit");
});

it("shows what a step adds to the one before", () => {
  const text = renderSteps({ "bare Hono": asked(100, 200, 100), cors: asked(110, 210, 130) });
  expect(text).toBe("bare Hono          100 [100–200] µs CPU\ncors               130 [110–210] µs CPU  adds 10 [10–30]");
});
