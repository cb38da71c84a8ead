/** Recorded opportunities, written as each of the owner's services would, posted to the running edge: each arrives as the same canonical event
 *  whichever dialect and envelope carried it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { readEventSet } from "../../demo/event-set.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { canonical, recorded, writers } from "../samples/opportunities.ts";
import type { Facts, Token } from "../samples/opportunities.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

/** Of the recorded tokens, those that every dialect can name: by symbol, address and decimals. */
const decimalsOf: Readonly<Record<string, number>> = { WETH: 18, "USDC.e": 6, USDC: 6, USDT: 6, ARB: 18, WBTC: 8, DAI: 18 };

/** What a recorded detection says, moved to now; undefined for one of other tokens. */
function factsOf({ data }: EdgeEvent, nowMs: number): Facts | undefined {
  const [hop] = (data["route"] ?? []) as readonly { token_in: string; token_out: string }[];
  const [tokenIn, tokenOut] = String(data["token_pair"]).split("/");
  const token = (symbol = "", address = ""): Token | undefined => {
    const decimals = Object.hasOwn(decimalsOf, symbol) ? decimalsOf[symbol] : undefined;
    return decimals === undefined ? undefined : { symbol, address, decimals };
  };
  const [first, second] = [token(tokenIn, hop?.token_in), token(tokenOut, hop?.token_out)];
  if (first === undefined || second === undefined) return undefined;
  const lifeMs = Date.parse(String(data["expiry_time"])) - Date.parse(String(data["timestamp"]));
  return {
    id: String(data["opportunity_id"]),
    strategy: String(data["strategy_type"]),
    dexA: String(data["dex_a"]),
    dexB: String(data["dex_b"]),
    tokenIn: first,
    tokenOut: second,
    amountIn: String(data["amount_in"]),
    percent: String(data["price_difference"]),
    profit: String(data["estimated_profit"]),
    risk: Number(data["risk_score"]),
    confidence: Number(data["confidence"]),
    gas: String(data["gas_estimate"]),
    detectedMs: nowMs,
    expiresMs: nowMs + lifeMs,
  };
}

interface Verdict {
  readonly status: number;
  readonly body: { data?: { accepted: number; duplicates: number; rejected: unknown[] } };
}

async function post(path: string, events: unknown): Promise<Verdict> {
  const headers = { "x-api-key": "dev-ingest-key-0001", "content-type": "application/json" };
  const response = await fetch(`${edge.url}${path}`, { method: "POST", headers, body: JSON.stringify(events) });
  return { status: response.status, body: (await response.json()) as Verdict["body"] };
}

interface Stored {
  readonly source: string;
  readonly data: Record<string, unknown>;
}

/** Every event of the channel. */
async function history(): Promise<Stored[]> {
  const events: Stored[] = [];
  for (let query = "since=0"; ;) {
    const response = await fetch(`${edge.url}/api/channels/opportunities/history?limit=1000&${query}`, {
      headers: { "x-api-key": "dev-ops-key-0001" },
    });
    const { data, pagination } = (await response.json()) as {
      data: { epoch: string; through: number; events: { event: Stored }[] };
      pagination: { has_next: boolean };
    };
    events.push(...data.events.map(({ event }) => event));
    if (!pagination.has_next) return events;
    query = `since=${data.through}&epoch=${data.epoch}`;
  }
}

const wraps: readonly ((record: Record<string, unknown>) => [path: string, event: unknown])[] = [
  (record) => ["/api/events", record],
  (data) => ["/api/events", { type: "opportunity:detected", data }],
  (data) => ["/api/webhook/contabo", { eventType: "opportunity_detected", workflowId: "w", agentId: "a", data }],
];

it("every recorded opportunity of known tokens is the same canonical event in all five dialects, and a repeat is known", async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const all = readEventSet("arbitrum")
    .filter(({ type }) => type === "opportunity.detected")
    .map((event) => factsOf(event, nowMs))
    .filter((facts) => facts !== undefined);
  expect(all.length).toBeGreaterThan(200);
  for (const [index, [, write]] of Object.entries(writers).entries()) {
    const wrap = wraps[index % wraps.length];
    const wrapped = all.map((facts) => wrap?.(write(facts)) ?? ["", undefined]);
    const path = wrapped[0]?.[0] ?? "";
    const events = wrapped.map(([, event]) => event);
    expect(await post(path, events)).toMatchObject({ status: 202, body: { data: { accepted: all.length, duplicates: 0, rejected: [] } } });
    expect(await post(path, events)).toMatchObject({ status: 202, body: { data: { accepted: 0, duplicates: all.length } } });
  }
  const stored = Map.groupBy(await history(), ({ data }) => String(data["opportunity_id"]));
  for (const facts of all) {
    const arrived = stored.get(facts.id) ?? [];
    expect(arrived.map(({ source }) => source).sort()).toEqual(
      Object.keys(writers)
        .map((name) => `contabo/${name}`)
        .sort(),
    );
    for (const { data } of arrived) expect(data).toMatchObject(canonical(facts));
  }
});

it("a bad record is named by its own field, in its own dialect, and its neighbours are taken", async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const facts = { ...recorded, id: `neighbour-${process.pid}`, detectedMs: nowMs, expiresMs: nowMs + 31_000 };
  const records = Object.values(writers).map((write) => write(facts));
  const spoilt = { ...writers["temporal"]?.(facts), riskFactors: { slippageRisk: 7 } };
  expect(await post("/api/events", [...records, spoilt])).toMatchObject({
    status: 202,
    body: { data: { accepted: records.length, rejected: [{ index: records.length, path: "riskFactors.slippageRisk" }] } },
  });
});
