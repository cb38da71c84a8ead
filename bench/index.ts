/** `npm run bench -- <name> [options]`: one bench by name. */
import { costBench } from "./cost/cost.ts";
import { idleBench } from "./cost/idle.ts";
import { ceilingBench } from "./ceiling/ceiling.ts";
import { compressionBench } from "./gateway/compression.ts";
import { gatewayBench } from "./gateway/gateway.ts";
import { fanoutBench } from "./fanout/fanout.ts";
import { ingestBench } from "./ingest/ingest.ts";
import { latencyBench } from "./latency/latency.ts";
import { replayBench } from "./replay/replay.ts";
import { soakBench } from "./soak/soak.ts";

export interface Bench {
  readonly summary: string;
  readonly usage: string;
  /** Resolves to the exit code. */
  run(args: readonly string[]): Promise<number>;
}

const benches: Readonly<Record<string, Bench>> = {
  cost: costBench,
  idle: idleBench,
  fanout: fanoutBench,
  latency: latencyBench,
  ceiling: ceilingBench,
  ingest: ingestBench,
  compression: compressionBench,
  gateway: gatewayBench,
  replay: replayBench,
  soak: soakBench,
};

function help(): string {
  const lines = Object.entries(benches).map(([name, { summary, usage }]) => `  ${name}  ${summary}\n${usage.replace(/^/gm, "        ")}`);
  return ["usage: npm run bench -- <name> [options]", "", ...lines].join("\n");
}

const [name = "--help", ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined || args.includes("--help")) {
  console.log(help());
  process.exitCode = bench === undefined && name !== "--help" ? 2 : 0;
} else {
  process.exitCode = await bench.run(args);
}
