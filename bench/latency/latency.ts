/** `npm run bench -- latency`: from a post to a socket, idle and under load, beside objects that do nothing but pass events on. */
import { parseArgs } from "node:util";
import type { Bench } from "../index.ts";
import { merge, percentileMs } from "../load/histogram.ts";
import type { Measurement } from "../load/measure.ts";
import { ratioOf, rotated, showSpread, spreadOf } from "../load/rounds.ts";
import { Stage } from "../load/stage.ts";
import { latencyContenders, pickContenders, type Contender } from "../peers/contenders.ts";

const options = {
  rate: { type: "string", default: "200" },
  sockets: { type: "string", default: "1" },
  seconds: { type: "string", default: "10" },
  rounds: { type: "string", default: "5" },
  peers: { type: "string", default: "" },
  json: { type: "boolean", default: false },
} as const;

export const latencyBench: Bench = {
  summary: "from a post to a socket, idle and at 200 events a second, beside a bare object of one hop and of two",
  usage: [
    "--rate 200     events a second under load, posted one by one",
    "--sockets 1    subscribers",
    "--seconds 10   each run, idle and under load",
    "--rounds 5     interleaved",
    "--peers a,b    some of them only",
    "--json         print every run as well",
  ].join("\n"),
  run: runLatency,
};

/** A post each tenth of a second finds everybody idle: no window between the edge's flushes is longer (decision 9). */
const idleEventsPerSecond = 10;
const idleRatioMax = 1.3;
const loadedExtraMsMax = 25;

type Rounds = ReadonlyMap<string, readonly Measurement[]>;

async function runLatency(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const contenders = pickContenders(latencyContenders, values.peers);
  const stage = new Stage();
  try {
    console.log("Milliseconds from sending a post to its event on a socket, median [range] of the rounds' percentiles.\n");
    const loads = [
      { name: "idle", eventsPerSecond: idleEventsPerSecond },
      { name: `${values.rate} events/s`, eventsPerSecond: Number(values.rate) },
    ];
    const results: Rounds[] = [];
    for (const { name, eventsPerSecond } of loads) {
      const load = { sockets: Number(values.sockets), eventsPerSecond, batch: 1, seconds: Number(values.seconds), stamp: "sent" } as const;
      const result = await runRounds(contenders, Number(values.rounds), (contender) => stage.measure(contender, load));
      console.log(render(name, result));
      if (values.json) console.log(JSON.stringify(Object.fromEntries([...result].map(([key, rounds]) => [key, rounds.map(pointsOf)]))));
      results.push(result);
    }
    const [idle, loaded] = results;
    if (idle !== undefined && loaded !== undefined) console.log(renderTargets(idle, loaded));
    return results.flatMap((result) => [...result.values()].flat()).every(({ final, expected }) => final.delivered === expected) ? 0 : 1;
  } finally {
    await stage.end();
  }
}

async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  run: (contender: Contender) => Promise<Measurement>,
): Promise<Rounds> {
  const result = new Map<string, Measurement[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of rotated(contenders, round)) result.get(contender.name)?.push(await run(contender));
  }
  return result;
}

function pointsOf({ lag }: Measurement): { p50: number; p99: number } {
  return { p50: percentileMs(lag, 0.5) ?? Number.NaN, p99: percentileMs(lag, 0.99) ?? Number.NaN };
}

function render(title: string, result: Rounds): string {
  const lines = [...result].map(([name, rounds]) => {
    const points = rounds.map(pointsOf);
    const [p50, p99] = (["p50", "p99"] as const).map((key) => showSpread(spreadOf(points.map((point) => point[key])), 2));
    const cores = spreadOf(rounds.map((round) => round.cores)).median.toFixed(2);
    return `  ${name.padEnd(18)} p50 ${(p50 ?? "").padEnd(22)} p99 ${(p99 ?? "").padEnd(26)} ${cores} cores, ${countOf(rounds)} events`;
  });
  return [title, ...lines].join("\n");
}

function countOf(rounds: readonly Measurement[]): number {
  return rounds.reduce((sum, { delivered }) => sum + delivered, 0);
}

function renderTargets(idle: Rounds, loaded: Rounds): string {
  const lines = ["edge", "edge with stores"].flatMap((name) => {
    const against = "two-hop";
    const [ours, theirs] = [idle.get(name), idle.get(against)];
    const [oursLoaded, theirsLoaded] = [loaded.get(name), loaded.get(against)];
    if (ours === undefined || theirs === undefined || oursLoaded === undefined || theirsLoaded === undefined) return [];
    const ratios = (["p50", "p99"] as const).map((key) => {
      const ratio = ratioOf(
        ours.map((one) => pointsOf(one)[key]),
        theirs.map((one) => pointsOf(one)[key]),
      );
      return `  idle ${key}, ${name} / ${against}: ≤ ${idleRatioMax}×, was ${showSpread(ratio, 2)}×: ${verdict(ratio.median <= idleRatioMax)}`;
    });
    const extraMs = p99Of(oursLoaded) - p99Of(theirsLoaded);
    const wanted = `  loaded p99, ${name} − ${against}: ≤ ${loadedExtraMsMax} ms, was ${extraMs.toFixed(1)} ms`;
    return [...ratios, `${wanted}: ${verdict(extraMs <= loadedExtraMsMax)}`];
  });
  return ["\nTargets (ratios within a round; under load all rounds together)", ...lines].join("\n");
}

function p99Of(rounds: readonly Measurement[]): number {
  return percentileMs(merge(rounds.map(({ lag }) => lag)), 0.99) ?? Number.NaN;
}

function verdict(isMet: boolean): string {
  return isMet ? "met" : "MISSED";
}
