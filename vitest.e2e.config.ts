/** End to end: in Node, against the edge as `npm start` starts it. One file at a time, as each starts an edge of its own. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "e2e",
    include: ["tests/e2e/**/*.test.ts", "tests/browser/**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    // Starting the edge and playing a minute of recorded events takes its time on two cores.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
