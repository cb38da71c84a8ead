/** End to end: in Node, against the edge as `npm start` starts it. Two files at a time: each starts an edge of its own, and most of its time it
 *  waits. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "e2e",
    include: ["tests/e2e/**/*.test.ts", "tests/browser/**/*.test.ts"],
    environment: "node",
    maxWorkers: 2,
    // Starting the edge and playing a minute of recorded events takes its time on two cores.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
