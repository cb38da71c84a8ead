/** `npm run bench -- fanout`: server CPU per delivered event, ours beside what else one could take. */
import { parseArgs } from "node:util";
import type { Bench } from "../index.ts";
import { dialects } from "../load/dialect.ts";
import { percentileMs } from "../load/histogram.ts";
import type { Measurement } from "../load/measure.ts";
import { rotated } from "../load/rounds.ts";
import { Stage } from "../load/stage.ts";
import { fanoutContenders, pickContenders, type Contender } from "../peers/contenders.ts";
import { matrix, nameOf, parseList, targetCells, type Cell } from "./cells.ts";
import { perDeliveryMicros, renderCell, renderStores, renderTargets, type CellResult } from "./report.ts";

const options = {
  sockets: { type: "string" },
  rates: { type: "string" },
  batch: { type: "string", default: "10" },
  seconds: { type: "string" },
  rounds: { type: "string" },
  peers: { type: "string", default: "" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

export const fanoutBench: Bench = {
  summary: "server CPU per delivered event beside a bare object, PartyServer, socket.io and nchan",
  usage: [
    "--sockets 1,100,1000  subscribers",
    "--rates 20,200,1000   events a second; cells beyond 100,000 deliveries a second are left out",
    "--batch 10            events in a post; nchan gets them one by one",
    "--seconds 3           measured in each run, after a second of the same load",
    "--rounds 3            interleaved",
    "--peers a,b           some of them only",
    "--quick               the cells of two targets only, two rounds of two seconds",
    "--json                print every run as well",
  ].join("\n"),
  run: runFanout,
};

interface Plan {
  readonly cells: readonly Cell[];
  readonly rates: readonly number[];
  readonly contenders: readonly Contender[];
  readonly batch: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly json: boolean;
}

function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({ args: [...args], options });
  const isChosen = values.sockets !== undefined || values.rates !== undefined;
  const rates = parseList(values.rates ?? (values.quick ? "200" : "20,200,1000"));
  const chosen = matrix(parseList(values.sockets ?? (values.quick ? "100" : "1,100,1000")), rates);
  return {
    cells: isChosen ? chosen : [...chosen, ...targetCells.slice(0, values.quick ? 1 : undefined)],
    rates,
    contenders: pickContenders(fanoutContenders, values.peers),
    batch: Number(values.batch),
    seconds: Number(values.seconds ?? (values.quick ? 2 : 3)),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 3)),
    json: values.json,
  };
}

async function runFanout(args: readonly string[]): Promise<number> {
  const plan = planOf(args);
  const stage = new Stage();
  const results = new Map<string, CellResult>();
  try {
    console.log(`${basis}\n`);
    for (const cell of plan.cells) {
      const result = await runCell(plan, cell, stage);
      results.set(nameOf(cell), result);
      console.log(renderCell(cell, result));
    }
    console.log(`\n${renderTargets(results)}`);
    if (plan.contenders.some(({ server }) => server === "edge-path")) await runStores(plan, stage);
  } finally {
    await stage.end();
  }
  return [...results.values()].every(isWhole) ? 0 : 1;
}

const basis = [
  "CPU of the server's process per delivered event, median [range] of the rounds, less what it uses when idle; delays from when an event was due.",
  "The edge runs without the stores behind its queues, whose local simulators live in its process; their share is told at the end.",
].join("\n");

async function runCell(plan: Plan, cell: Cell, stage: Stage): Promise<CellResult> {
  const result = new Map<string, Measurement[]>(plan.contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const contender of rotated(plan.contenders, round)) {
      const load = { ...cell, batch: plan.batch, seconds: plan.seconds, stamp: "due" } as const;
      const measurement = await stage.measure(contender, load);
      result.get(contender.name)?.push(measurement);
      if (plan.json) console.log(JSON.stringify(summaryOf(contender.name, measurement)));
    }
  }
  return result;
}

/** The same posts with nobody subscribed, with and without the stores: what is left is theirs. */
async function runStores({ rates, rounds, batch, seconds }: Plan, stage: Stage): Promise<void> {
  console.log(
    "\nThe edge's CPU per posted event, nobody subscribed\n           whole                    without the stores       consumers and simulators of queues, D1 and R2",
  );
  for (const rate of rates) {
    const runs = { edge: [] as Measurement[], "edge-path": [] as Measurement[] };
    for (let round = 0; round < rounds; round++) {
      for (const name of rotated(["edge", "edge-path"] as const, round)) {
        const load = { sockets: 0, eventsPerSecond: rate, batch, seconds: Math.max(seconds, storesSeconds), stamp: "due" } as const;
        runs[name].push(await stage.measure({ name, server: name, dialect: dialects.edge }, load));
      }
    }
    console.log(renderStores(rate, runs["edge-path"], runs.edge));
  }
}

/** Long enough to hold several of the consumers' batches, and the event log's first one. */
const storesSeconds = 12;

/** Whether the edge delivered everything, in order. */
function isWhole(result: CellResult): boolean {
  const ours = [...result].filter(([name]) => name.startsWith("edge")).flatMap(([, rounds]) => rounds);
  return ours.every(({ final, expected }) => final.delivered === expected && final.holes + final.disordered === 0);
}

function summaryOf(name: string, measurement: Measurement): Record<string, unknown> {
  const { load, cpuMs, cores, delivered, expected, lag, final } = measurement;
  const lagMs = { p50: percentileMs(lag, 0.5), p99: percentileMs(lag, 0.99) };
  return {
    name,
    ...load,
    cpuMs,
    cores,
    delivered,
    expected,
    deliveredInAll: final.delivered,
    micros: perDeliveryMicros(measurement),
    lagMs,
  };
}
