/** `npm run bench -- ceiling`: what one stream takes, what holds it up, and whether it collapses when twice as much is offered. */
import { parseArgs } from "node:util";
import type { Bench } from "../index.ts";
import { parseList } from "../fanout/cells.ts";
import { Stage } from "../load/stage.ts";
import type { ServerName } from "../peers/contenders.ts";
import { renderCeiling } from "./report.ts";
import { runSize, type EdgeName } from "./run.ts";

const options = {
  batches: { type: "string", default: "1,10,100" },
  seconds: { type: "string", default: "10" },
  "in-flight": { type: "string", default: "32" },
  factor: { type: "string", default: "2" },
  connections: { type: "string", default: "512" },
  peers: { type: "string", default: "edge-path,edge" },
  json: { type: "boolean", default: false },
} as const;

export const ceilingBench: Bench = {
  summary: "events a second that one stream sustains, what saturates, and what happens at twice as many",
  usage: [
    "--batches 1,10,100  events in a post",
    "--seconds 10        each phase: as fast as answered, twice as much, half as much",
    "--in-flight 32      posts at a time while the ceiling is looked for",
    "--factor 2          how much more than the ceiling is offered",
    "--connections 512   through which that comes: what they do not carry waits in the bench",
    "--peers edge-path,edge  without the stores behind the queues (whose local simulators share the process), and whole",
    "--json              print the numbers as well",
  ].join("\n"),
  run: runCeiling,
};

async function runCeiling(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const stage = new Stage();
  let isWhole = true;
  try {
    for (const name of values.peers.split(",").filter(isEdge)) {
      console.log(
        name === "edge" ? "\nThe whole edge, its local stores in the same process" : "The edge without the stores behind its queues",
      );
      for (const batch of parseList(values.batches)) {
        const [seconds, inFlight, factor] = [Number(values.seconds), Number(values["in-flight"]), Number(values.factor)];
        const plan = { batch, seconds, inFlight, factor, connections: Number(values.connections) };
        const result = await runSize(stage, name, plan);
        console.log(renderCeiling(result));
        if (values.json)
          console.log(JSON.stringify(result, (key, value: unknown) => (key === "answered" || key === "served" ? undefined : value)));
        isWhole &&= result.recovery.isComplete && result.recovery.holes === 0;
      }
    }
    return isWhole ? 0 : 1;
  } finally {
    await stage.end();
  }
}

function isEdge(name: string): name is EdgeName & ServerName {
  return name === "edge" || name === "edge-path";
}
