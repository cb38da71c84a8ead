/** `npm run simulate -- --subscribers 1000000 --regions 9 --rate 200`: the fan-out at a size that no test has. Ends with exit code 1 when a
 *  subscriber missed an event without being told. */
import { parseOptions, usage, type SimulateOptions } from "./options.ts";
import { simulate } from "./outcome.ts";
import { renderOutcome } from "./report.ts";

const parsed = parseOptions(process.argv.slice(2));
if (parsed.kind === "help") console.log(usage());
else if (parsed.kind === "bad") {
  console.error(`${parsed.message}\n\n${usage()}`);
  process.exitCode = 2;
} else run(parsed.options, parsed.json);

function run(options: SimulateOptions, json: boolean): void {
  const begunAt = performance.now();
  const outcome = simulate(options, progress(options));
  const tookSeconds = (performance.now() - begunAt) / 1_000;
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[K");
  if (json) console.log(JSON.stringify({ ...outcome, tookSeconds }, undefined, 2));
  else console.log(`${renderOutcome(outcome)}\n\nsimulated in ${tookSeconds.toFixed(1)} s`);
  if (outcome.counts.holes > 0 || outcome.counts.repeats > 0) process.exitCode = 1;
}

/** One line that is written over, and none where nobody watches. */
function progress({ seconds }: SimulateOptions): (atMs: number) => void {
  return (atMs) => {
    if (!process.stderr.isTTY || atMs % 1_000 !== 0) return;
    const phase = atMs <= seconds * 1_000 ? "posting" : "waiting until all have arrived";
    process.stderr.write(`\r\u001B[K${(atMs / 1_000).toFixed(0)} s of ${seconds} virtual seconds, ${phase}`);
  };
}
