/** `npm run bench -- ingest`: CPU per event that gets in, beside a Worker that parses it and gives it to a queue. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Bench } from "../index.ts";
import { calm } from "../load/measure.ts";
import { usageOf } from "../load/process.ts";
import { rotated } from "../load/rounds.ts";
import { nameOf, postAll, type Shape } from "./load.ts";
import { renderShape, renderTarget, type Measured } from "./report.ts";
import { servers, type IngestServer, type ServerName } from "./servers.ts";

const options = {
  events: { type: "string", default: "8000" },
  rounds: { type: "string", default: "3" },
  shapes: { type: "string", default: "1,100,1000,ndjson" },
  json: { type: "boolean", default: false },
} as const;

export const ingestBench: Bench = {
  summary: "CPU per event and events a second of ingest, beside a Worker that parses and sends a queue message for each",
  usage: [
    "--events 8000               in each run; of single posts a quarter. The local broker ends at 10,000 waiting messages",
    "--rounds 3                  interleaved",
    "--shapes 1,100,1000,ndjson  events in a JSON post, and NDJSON as one stream",
    "--json                      print every run as well",
  ].join("\n"),
  run: runIngest,
};

const names = ["edge", "bare", "singly"] as const satisfies readonly ServerName[];
/** The edge hands its events to the last of its queues ten seconds after they came: that is part of their cost. */
const handOverMs = 11_500;
/** A hundredth of a core more or less is 15 µs an event over a run: what is taken off must be known well. */
const idleMs = 4_000;
/** All sides alike, with time between for the local broker, which ends at 10,000 waiting messages. */
const warmEvents = 5_000;
const warmTimes = 6;
const warmPauseMs = 2_000;

async function runIngest(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const started = { edge: await servers.edge(), bare: await servers.bare(), singly: await servers.singly() };
  try {
    console.log(`${basis}\n`);
    let isWhole = true;
    for (const shape of values.shapes.split(",").map(shapeOf)) {
      const events = shape.kind === "json" && shape.batch === 1 ? Number(values.events) / 4 : Number(values.events);
      const result = { edge: [] as Measured[], bare: [] as Measured[], singly: [] as Measured[] };
      // Cold code costs several times as much, and servers live long.
      for (const name of names) await warm(started[name], shape, Math.min(warmEvents, events));
      for (let round = 0; round < Number(values.rounds); round += 1) {
        for (const name of rotated(names, round)) result[name].push(await measureOne(started[name], shape, events));
      }
      console.log(renderShape(nameOf(shape), result));
      if (shape.kind === "json" && shape.batch === 100) console.log(renderTarget(result));
      if (values.json) console.log(JSON.stringify({ shape: nameOf(shape), ...result }));
      isWhole &&= [...result.edge, ...result.bare, ...result.singly].every(({ accepted }) => accepted === events);
    }
    return isWhole ? 0 : 1;
  } finally {
    await Promise.all(names.map((name) => started[name].stop()));
  }
}

const basis = [
  "CPU of the runtime's process per event, until its queues have it and have handed it over, less what it uses when idle; median [range] of",
  "the rounds. All give to queues of the local broker, whose simulator shares the process, and drop what comes out of them. The edge also",
  "checks the key, validates, renders, dedupes, sequences and writes its log.",
].join("\n");

function shapeOf(name: string): Shape {
  return name === "ndjson" ? { kind: "lines" } : { kind: "json", batch: Number(name) };
}

async function warm(server: IngestServer, shape: Shape, events: number): Promise<void> {
  for (let time = 0; time < warmTimes; time += 1) {
    await postAll(server, shape, events);
    await sleep(warmPauseMs);
  }
}

async function measureOne(server: IngestServer, shape: Shape, events: number): Promise<Measured> {
  const { pids } = server;
  await sleep(handOverMs);
  await calm(pids);
  const idle = usageOf(pids);
  await sleep(idleMs);
  const before = usageOf(pids);
  const { accepted, seconds } = await postAll(server, shape, events);
  await sleep(handOverMs);
  await calm(pids);
  const after = usageOf(pids);
  const idleShare = (before.cpuMs - idle.cpuMs) / (before.atMs - idle.atMs);
  const cpuMs = Math.max(0, after.cpuMs - before.cpuMs - idleShare * (after.atMs - before.atMs));
  return { accepted, microsPerEvent: (cpuMs * 1_000) / accepted, eventsPerSecond: accepted / seconds };
}
