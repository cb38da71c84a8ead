/** `npm run bench -- soak`: many sockets for a minute, everything delivered in order, beside one subscriber that never reads. */
import { parseArgs } from "node:util";
import type { Bench } from "../index.ts";
import { dialects } from "../load/dialect.ts";
import { percentileMs } from "../load/histogram.ts";
import type { Load, Measurement } from "../load/measure.ts";
import { showStatuses } from "../load/poster.ts";
import { Stage } from "../load/stage.ts";
import type { Contender } from "../peers/contenders.ts";
import { NeverReads, type NeverRead } from "./never-reads.ts";

const options = {
  seconds: { type: "string", default: "60" },
  loads: { type: "string", default: "3000x10,300x100" },
  json: { type: "boolean", default: false },
} as const;

export const soakBench: Bench = {
  summary: "3,000 sockets at 10 events a second and 300 at 100, with and without batch frames: nothing lost, one never reads",
  usage: [
    "--seconds 60              each run",
    "--loads 3000x10,300x100   sockets x events a second",
    "--json                    print every run as well",
  ].join("\n"),
  run: runSoak,
};

/** What the others get while everybody reads, to compare with. */
const controlShare = 4;

async function runSoak(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const stage = new Stage();
  try {
    console.log(await renderBounds(stage));
    let isWhole = true;
    for (const [sockets = 0, eventsPerSecond = 0] of values.loads.split(",").map((text) => text.split("x").map(Number))) {
      for (const [name, dialect] of [["single frames", dialects.edge] as const, ["batch frames", dialects.edgeBatch] as const]) {
        const load = { sockets, eventsPerSecond, batch: 1, seconds: Number(values.seconds), stamp: "due" } as const;
        const run = await runLoad(stage, { name, server: "edge", dialect }, load);
        console.log(render(name, run));
        if (values.json)
          console.log(JSON.stringify({ ...load, name, final: { ...run.soak.final, lag: undefined }, neverRead: run.neverRead }));
        isWhole &&= isComplete(run.soak) && isComplete(run.control);
      }
    }
    return isWhole ? 0 : 1;
  } finally {
    await stage.end();
  }
}

/** Whether the relay can see a slow reader at all on this runtime. */
async function renderBounds(stage: Stage): Promise<string> {
  const { host, port } = await stage.server("bare");
  const { bufferedAmount } = (await (await fetch(`http://${host}:${port}/probe`)).json()) as { bufferedAmount: boolean };
  return bufferedAmount
    ? "This runtime's sockets have bufferedAmount: a slow reader is to be closed with 4008.\n"
    : "This runtime's sockets have NO bufferedAmount: a relay knows of a slow reader by what it does not acknowledge.\n";
}

interface Run {
  readonly control: Measurement;
  readonly soak: Measurement;
  readonly neverRead: NeverRead;
}

async function runLoad(stage: Stage, contender: Contender, load: Load): Promise<Run> {
  const control = await stage.measure(contender, { ...load, seconds: Math.max(5, load.seconds / controlShare) });
  const slow = new NeverReads(await stage.server(contender.server));
  await slow.stopReading();
  const soak = await stage.measure(contender, load);
  return { control, soak, neverRead: await slow.drain() };
}

function isComplete({ final, expected, posted }: Measurement): boolean {
  const isDelivered = final.delivered === expected && final.holes + final.disordered === 0;
  return isDelivered && posted.events === posted.acceptedEvents && Object.keys(final.closed).length === 0;
}

function render(name: string, { control, soak, neverRead }: Run): string {
  const { load, final, expected, cores, residentBytes } = soak;
  const complete = isComplete(soak) ? "complete" : "NOT COMPLETE";
  const closings = Object.entries(final.closed).map(([code, count]) => `, ${count} closed with ${code}`);
  return [
    `${load.sockets} sockets × ${load.eventsPerSecond}/s, ${name}, ${load.seconds} s`,
    `  ${final.delivered} of ${expected} delivered, the least to one socket ${final.leastDelivered}; ${final.holes} holes, ${final.disordered} out of order${closings.join("")}: ${complete}`,
    `  posts:           ${showStatuses(soak.posted)}, answered p99 ${percentileMs(soak.posted.answered, 0.99)?.toFixed(0) ?? "–"} ms`,
    `  all read:        ${showLag(control)}, memory ${showMb(control.residentBytes)}`,
    `  one never reads: ${showLag(soak)}, memory ${showMb(residentBytes)}, ${cores.toFixed(2)} cores`,
    `  who never reads: ${neverRead.closed === undefined ? "still open" : `closed with ${neverRead.closed}`}; found ${neverRead.delivered} events waiting, ${neverRead.holes} holes`,
  ].join("\n");
}

function showLag({ lag }: Measurement): string {
  return `p50 ${percentileMs(lag, 0.5)?.toFixed(1) ?? "–"} p99 ${percentileMs(lag, 0.99)?.toFixed(1) ?? "–"} ms`;
}

function showMb(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}
