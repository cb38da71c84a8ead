/** End to end: in Node, against the edge as `npm start` starts it. Two files at a time: each starts an edge of its own, and most of its time it
 *  waits. */
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { defineConfig } from "vitest/config";

/** A minute of recorded events: begun last, as the smallest of files is, it would go on alone. */
const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith("/start.test.ts");

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)));
  }
}

export default defineConfig({
  test: {
    name: "e2e",
    include: ["tests/e2e/**/*.test.ts", "tests/browser/**/*.test.ts"],
    environment: "node",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Starting the edge and playing a minute of recorded events takes its time on two cores.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
