/** What a newcomer sees: `npm start` plays recorded events through the whole edge and nothing is lost. */
import { expect, it } from "vitest";
import { EdgeProcess, freshState } from "./edge-process.ts";

it("plays a minute of recorded arbitrage and ends by itself with nothing lost: each event once in R2, the newest states in D1, no hole on the socket", async () => {
  // 1,200 recorded seconds at twenty times their pace are a minute.
  const run = await EdgeProcess.start(["--once", "--speed", "20", "--slice", "1200", "--state", freshState()]);
  const code = await run.end();
  expect(run.output).toContain("\nlost 0\n");
  expect(run.output).toMatch(/posted +[1-9],\d{3} in/);
  expect(run.output).toMatch(/on the socket +[1-9],\d{3}, 0 twice, 0 holes/);
  expect(code).toBe(0);
});
