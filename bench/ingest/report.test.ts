import { expect, it } from "vitest";
import { renderShape, renderTarget, type Measured } from "./report.ts";

const measured = (microsPerEvent: number, eventsPerSecond: number): Measured => ({ accepted: 100, microsPerEvent, eventsPerSecond });

it.each([
  [501, "MISSED beside singly, MISSED beside bare"],
  [500, "met beside singly, MISSED beside bare"],
  [50, "met beside singly, met beside bare"],
])("of 1,000 and 100 µs, %i µs have the target %s", (micros, verdict) => {
  expect(renderTarget({ edge: [measured(micros, 1)], bare: [measured(100, 1)], singly: [measured(1_000, 1)] })).toContain(verdict);
});

it("takes ratios within a round, so that a slow minute slows both", () => {
  const text = renderShape("JSON of 100", {
    edge: [measured(10, 900), measured(100, 90), measured(20, 900)],
    bare: [measured(40, 300), measured(400, 30), measured(80, 300)],
    singly: [measured(80, 150), measured(800, 15), measured(160, 150)],
  });
  expect(text).toContain("edge / bare   0.25 [0.25–0.25]× CPU · 3.00 [3.00–3.00]× events/s");
  expect(text).toContain("edge   20.0 [10.0–100.0] µs an event");
});
