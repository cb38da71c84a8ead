/** `npm run bench -- gateway`: CPU and latency of what the gateway answers out of its cache, out of D1, and refuses, beside a bare handler. */
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { requireVariable } from "../../demo/edge/variables.ts";
import { mintToken } from "../../demo/token.ts";
import type { Bench } from "../index.ts";
import { rotated } from "../load/rounds.ts";
import { host } from "../peers/server.ts";
import { askMany, type Ask, type Asked } from "./asking.ts";
import { bareName, hitName, unsentName, renderGateway, renderSteps, renderTargets } from "./gateway-report.ts";
import { postRecorded, postStrategies } from "./payloads.ts";
import { startBare, startGateway, type Gateway } from "./servers.ts";

const options = {
  rounds: { type: "string", default: "3" },
  requests: { type: "string", default: "2000" },
  steps: { type: "boolean", default: false },
} as const;

export const gatewayBench: Bench = {
  summary: "CPU and latency of a cache hit, a miss and refused requests, beside a bare handler of the same body",
  usage: [
    "--rounds 3       interleaved",
    "--requests 2000  in each run; of misses a twentieth",
    "--steps          what each middleware adds, before a handler that returns a constant",
  ].join("\n"),
  run: runGateway,
};

/** Kept for a minute: of a page that is kept for two seconds one request in a few hundred goes to D1, whose simulator then costs as much as all the
 *  others together. */
const strategies = 24;
const page = `/api/strategies?limit=${strategies}`;
const missed = "/api/opportunities?limit=10";
const banned = "203.0.113.7";
const refusals = ["bad token", "banned address"] as const;
/** How long the rules of operators take to be known here. */
const spreadMs = 3_000;
/** What the run before has left to do, such as writing into a cache, is done by then. */
const pauseMs = 500;

async function runGateway(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const plan = { rounds: Number(values.rounds), requests: Number(values.requests) };
  if (values.steps) return await runSteps(plan);
  const edge = await startGateway();
  try {
    await postRecorded(edge);
    await postStrategies(edge, strategies);
    const body = await firstPage(edge);
    await ban(edge);
    const bare = await startBare(body);
    try {
      console.log(`${basis(body)}\n`);
      const questions = await questionsOf(edge);
      const rounds = await measureAll(runsOf({ edge, bare, questions }), plan);
      console.log(renderGateway(rounds));
      console.log(renderTargets(rounds, refusals));
      return 0;
    } finally {
      await bare.stop();
    }
  } finally {
    await edge.stop();
  }
}

function basis(body: string): string {
  return [
    `CPU of the runtime's process a request, simulators of the stores included; median [range] of the rounds. The body has ${body.length} B.`,
    "Requests come from a hundred addresses over four connections, as fast as answers come; the limiter counts them all.",
  ].join("\n");
}

/** A hundred clients: one alone would meet its ceiling. */
const clientOf = (serial: number): string => `198.51.100.${serial % 100}`;
/** Each guess from an address of its own: else the penalty box would answer for the token. */
const guesserOf = (serial: number): string => `198.18.${(serial >> 8) & 255}.${serial & 255}`;

async function questionsOf({ variables }: Gateway): Promise<Readonly<Record<string, Ask>>> {
  const token = await mintToken(variables);
  const from = (address: string, more: Record<string, string> = {}) => ({ "cf-connecting-ip": address, ...more });
  let guesses = 0;
  let misses = 0;
  return {
    [hitName]: (serial) => ({ path: page, headers: from(clientOf(serial)) }),
    "anonymous hit, zstd": (serial) => ({ path: page, headers: from(clientOf(serial), { "accept-encoding": "zstd" }) }),
    [unsentName]: (serial) => ({ path: page, headers: from(clientOf(serial), { "if-none-match": "*" }) }),
    "authenticated hit": (serial) => ({ path: page, headers: from(clientOf(serial), { authorization: `Bearer ${token}` }) }),
    miss: (serial) => ({ path: `${missed}&min_profit=0.${String((misses += 1)).padStart(9, "0")}`, headers: from(clientOf(serial)) }),
    "bad token": () => ({ path: page, headers: from(guesserOf((guesses += 1)), { authorization: `Bearer ${forged(token, guesses)}` }) }),
    "banned address": () => ({ path: page, headers: from(banned) }),
  };
}

/** Well formed, with a signature that is not ours. */
function forged(token: string, serial: number): string {
  const [head = "", claims = ""] = token.split(".");
  return `${head}.${claims}.${Buffer.from(String(serial).padStart(32, "x")).toString("base64url")}`;
}

interface Sides {
  readonly edge: Gateway;
  readonly bare: { readonly port: number; readonly pids: readonly number[] };
  readonly questions: Readonly<Record<string, Ask>>;
}

interface Plan {
  readonly rounds: number;
  readonly requests: number;
}

type Run = readonly [name: string, run: (count: number) => Promise<Asked>];

function runsOf({ edge, bare, questions }: Sides): Run[] {
  return [
    [bareName, (count) => askMany(bare, () => ({ path: page, headers: {} }), count)],
    ...Object.entries(questions).map(([name, ask]): Run => [
      name,
      (count) => askMany(edge, ask, name === "miss" ? Math.ceil(count / 20) : count),
    ]),
  ];
}

async function measureAll(runs: readonly Run[], plan: Plan): Promise<Record<string, Asked[]>> {
  const rounds: Record<string, Asked[]> = Object.fromEntries(runs.map(([name]) => [name, []]));
  // Cold code costs several times as much, and servers live long.
  for (const [, run] of runs) await run(Math.ceil(plan.requests / 2));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const [name, run] of rotated(runs, round)) {
      await sleep(pauseMs);
      rounds[name]?.push(await run(plan.requests));
    }
  }
  return rounds;
}

/** As bench/worker/peers/gateway-steps.ts has them. */
const steps = [
  "bare Hono",
  "compress",
  "request-id",
  "security-headers",
  "cors",
  "usable-config",
  "guard",
  "https",
  "audit-refusals",
  "rate-limit",
];

async function runSteps(plan: Plan): Promise<number> {
  const edge = await startGateway("bench/worker/peers/gateway-steps.ts");
  try {
    const runs = steps.map((name, count): Run => {
      const ask: Ask = (serial) => ({
        path: page,
        headers: { "cf-connecting-ip": clientOf(serial), "x-steps": String(count), "x-body": "1" },
      });
      return [name, (requests) => askMany(edge, ask, requests)];
    });
    console.log(renderSteps(await measureAll(runs, plan)));
    return 0;
  } finally {
    await edge.stop();
  }
}

async function firstPage({ port }: Gateway): Promise<string> {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const text = await (await fetch(`http://${host}:${port}${page}`, { headers: { "accept-encoding": "identity" } })).text();
    if ((JSON.parse(text) as { data?: unknown[] }).data?.length === strategies) return text;
    await sleep(500);
  }
  throw new Error("what was posted never became readable");
}

async function ban({ port, variables }: Gateway): Promise<void> {
  const headers = { "x-api-key": requireVariable(variables, "OPS_API_KEY"), "content-type": "application/json" };
  const body = JSON.stringify({ network: `${banned}/32`, reason: "of the bench" });
  const response = await fetch(`http://${host}:${port}/ops/bans`, { method: "POST", headers, body });
  if (response.status !== 201) throw new Error(`the ban was answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  await sleep(spreadMs);
}
