/** `npm run bench -- cost`: dollars per million events, operations counted in a real run, for each size of post. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { findStream, streamOf } from "../../channels/catalogue.ts";
import { laneNames, readEventSet } from "../../demo/event-set.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import type { Bench } from "../index.ts";
import { interleave, livesOf } from "./lives.ts";
import { renderBasis, renderLife, renderMix, renderRun } from "./report.ts";
import { runOnce, type RunResult } from "./run.ts";

/** The owner's mean rate. */
const ownersEventsPerSecond = 185;
/** From a channel in western Europe; illustrative, no two networks agree. */
const illustrativeRoundTripMs = { weur: 10, enam: 85, wnam: 145, apac: 220 } as const;

const options = {
  events: { type: "string", default: "10000" },
  batches: { type: "string", default: "1,10,100" },
  rate: { type: "string", default: String(ownersEventsPerSecond) },
  streams: { type: "string", default: "" },
  fast: { type: "boolean", default: false },
  "round-trips": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

export const costBench: Bench = {
  summary: "dollars per million events by binding, counted in a real run, beside the naive design",
  usage: [
    "--events 10000     recorded events per run",
    "--batches 1,10,100 sizes of post, a run each",
    `--rate ${ownersEventsPerSecond}         events a second, the owner's mean, for every size`,
    "--streams a,b      only events of these streams, e.g. opportunities; all by default",
    "--fast             post as fast as possible instead",
    "--round-trips      put an illustrative distance between channel and relays",
    "--json             print the counts as well",
  ].join("\n"),
  run: runCost,
};

/** `names` empty: every stream. */
function isIn(names: string): (event: EdgeEvent) => boolean {
  const wanted = names.split(",").filter((name) => name !== "");
  const unknown = wanted.filter((name) => findStream(name) === undefined);
  if (unknown.length > 0) throw new Error(`no such stream: ${unknown.join(", ")}`);
  return ({ type }) => wanted.length === 0 || wanted.includes(streamOf(type));
}

async function runCost(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const root = resolve(import.meta.dirname, "../..");
  const lives = interleave(laneNames.map((name) => livesOf(readEventSet(name).filter(isIn(values.streams)))));
  const roundTripMs = values["round-trips"] ? illustrativeRoundTripMs : {};
  console.log(renderBasis(roundTripMs));
  const results: RunResult[] = [];
  for (const batch of values.batches.split(",").map(Number)) {
    const rates = { eventsPerSecond: Number(values.rate), fast: values.fast, roundTripMs };
    const result = await runOnce({ root, lives, events: Number(values.events), batch, ...rates });
    if (results.length === 0) console.log(renderMix(result.mix));
    console.log(renderRun(result));
    if (values.json) console.log(JSON.stringify(result.counts, null, 2));
    results.push(result);
  }
  const [last] = results.slice(-1);
  if (last !== undefined) console.log(renderLife(last));
  return results.every(({ losses }) => losses.length === 0) ? 0 : 1;
}
