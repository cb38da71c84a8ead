/** `npm test`, and all that CI runs: the checks, then the tests in workerd and Node, then end to end against a started edge.
 *  Goes on after a failure, so that one run shows everything, and ends with the sum on a line of its own. */
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "./check.ts";
import { environment, root } from "./environment.ts";
import { withFolder } from "./memory.ts";
import { addTallies, isGreen, renderTally, tallyRun, tallySteps } from "./tally.ts";
import type { Tally, TestRun } from "./tally.ts";

/** A run that hangs must end before CI's own limit of 15 minutes, so that it still reports. */
const runTimeoutMs = 10 * 60_000;

function readReport(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

async function vitest(config: string): Promise<Tally> {
  return withFolder(async (folder) => {
    const report = join(folder, "report.json");
    const args = ["run", "--config", config, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const exitCode = await exitOf(args, { ...environment, TMPDIR: folder });
    return tallyRun({ exitCode, report: readReport(report) } satisfies TestRun);
  });
}

async function exitOf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn("vitest", args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"], timeout: runTimeoutMs });
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code));
  });
}

const tallies = [tallySteps(await check()), await vitest("vitest.config.ts")];
// Alone and last: these start the edge itself, and measure it.
if (globSync("tests/e2e/**/*.test.ts", { cwd: root }).length > 0) tallies.push(await vitest("vitest.e2e.config.ts"));

const total = addTallies(tallies);
console.log(renderTally(total));
process.exitCode = isGreen(total) ? 0 : 1;
