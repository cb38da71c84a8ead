import { describe, expect, it } from "vitest";
import { canonical, recorded, writers } from "../../tests/samples/opportunities.ts";
import { normaliseEvent } from "./index.ts";
import type { Draft, Normalisation } from "./index.ts";

type Fields = Record<string, unknown>;

const reception = { timeMs: Date.UTC(2026, 10, 24, 2), index: 0 };

function draftOf(value: unknown): Draft {
  const result: Normalisation = normaliseEvent(value, reception);
  const [draft] = result.kind === "normalised" ? result.drafts : [];
  if (draft === undefined) throw new Error(JSON.stringify(result));
  return draft;
}

function dataOf(value: unknown): Fields {
  return draftOf(value).event["data"] as Fields;
}

function faultOf(value: unknown): { path: string; message: string } | undefined {
  const result = normaliseEvent(value, reception);
  return result.kind === "refused" ? result.fault : undefined;
}

const names = Object.keys(writers);
function sample(name: string, changes: Fields = {}): Fields {
  return { ...writers[name]?.(recorded), ...changes };
}
function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}

describe.each(names)("the %s dialect", (name) => {
  it.each<[string, (record: Fields) => unknown]>([
    ["bare", (record) => record],
    ["in a frame of the backend's socket", (record) => ({ type: "opportunity_detected", data: record })],
    ["in the webhook's envelope", (data) => ({ eventType: "opportunity_detected", workflowId: "w", agentId: "a", data })],
    [
      "in CloudEvents",
      (data) => ({
        specversion: "1.0",
        id: "e",
        source: "contabo/x",
        type: "arbitrage.opportunity.detected",
        time: "2026-11-24T02:00:00Z",
        data,
      }),
    ],
  ])("%s becomes the same canonical event", (_, wrap) => {
    const { metadata: _metadata, ...data } = dataOf(wrap(sample(name)));
    expect(data).toMatchObject(canonical(recorded));
    expect(data["profit_currency"]).toBe(name === "rust" ? "ETH" : "USD");
  });

  it("keeps what has no canonical place, says what it worked out, and keeps the whole as it was sent", () => {
    const draft = draftOf(sample(name, { strange_new_field: [1] }));
    expect((draft.event["data"] as { metadata: unknown }).metadata).toMatchObject({
      normalised: { dialect: name, extra: { strange_new_field: [1] } },
    });
    expect(JSON.parse(draft.original)).toEqual(sample(name, { strange_new_field: [1] }));
  });

  it("names an event by what it says: the same again has the same id, another state another", () => {
    const id = (changes: Fields = {}): unknown => draftOf(sample(name, changes)).event["id"];
    expect(id()).toBe(id());
    expect(id()).not.toBe(id({ confidence: 0.5, confidence_score: 0.5 }));
  });
});

it.each([
  ["rust", "id", "id"],
  ["rust", "source_dex", "source_dex"],
  ["rust", "target_dex", "target_dex"],
  ["rust", "token_out", "token_out"],
  ["rust", "estimated_profit", "estimated_profit"],
  ["rust", "detected_at", "detected_at"],
  ["rust", "expires_at", "expires_at"],
  ["temporal", "id", "id"],
  ["temporal", "chain", "chain"],
  ["temporal", "dexs", "dexs.0.name"],
  ["temporal", "expiresAt", "expiresAt"],
  ["api-v2", "id", "id"],
  ["api-v2", "token_in", "token_in"],
  ["api-v2", "token_out", "token_out"],
  ["api-v2", "profit_amount", "profit_amount"],
  ["api-v2", "expires_at", "expires_at"],
  ["api-v2", "created_at", "created_at"],
  ["edge-56feac5", "id", "id"],
  ["edge-56feac5", "expected_profit", "expected_profit"],
  ["edge-56feac5", "created_at", "created_at"],
  ["api", "volume", "volume"],
  ["api", "risk_score", "risk_score"],
  ["api", "expiry_time", "expiry_time"],
])("refuses a %s record without %s, at its path, rather than guess", (name, missing, path) => {
  const data = without(sample(name), missing);
  const source = name === "rust" || name === "temporal" ? "contabo/searcher" : "contabo/x";
  const time = "2026-11-24T02:00:00Z";
  // In an envelope, which says what it is whatever else it lacks.
  const fault = faultOf({ type: "opportunity_detected", id: "e", source, time, data });
  if (fault === undefined) expect(dataOf({ type: "opportunity_detected", id: "e", source, time, data })).toBe("refused");
  expect(fault?.path).toMatch(new RegExp(`^data(\\.${path.replaceAll(".", "\\.")})?$`));
});

it.each<[string, Fields, string]>([
  ["rust", { amount_in: "0xzz" }, "amount_in"],
  ["rust", { amount_in: "-5" }, "amount_in"],
  ["rust", { amount_in: `0x${"f".repeat(65)}` }, "amount_in"],
  ["rust", { estimated_profit: "much" }, "estimated_profit"],
  ["rust", { estimated_profit: 1e23 }, "estimated_profit"],
  ["rust", { competition_level: "Absurd", risk_score: undefined }, "competition_level"],
  ["rust", { detected_at: "yesterday" }, "detected_at"],
  ["rust", { detected_at: "2026-11-24T02:00:00" }, "detected_at"],
  ["rust", { expires_at: "2026-02-30T02:00:00Z" }, "expires_at"],
  ["rust", { metadata: "none", chain: "arbitrum" }, "metadata"],
  ["rust", { metadata: { chain: 99_999 } }, "metadata.chain"],
  ["rust", { source_dex: "🦄" }, "source_dex"],
  ["temporal", { riskFactors: { slippageRisk: 1.01 } }, "riskFactors.slippageRisk"],
  ["temporal", { tokens: { tokenA: { symbol: "A", decimals: 400 }, tokenB: { symbol: "B" }, baseAmount: "1" } }, "tokens.tokenA.decimals"],
  ["temporal", { tokens: { tokenA: { decimals: 18 }, tokenB: { symbol: "B" } } }, "tokens.tokenA.symbol"],
  ["temporal", { detectedAt: -1 }, "detectedAt"],
  ["temporal", { chain: "No Such Chain" }, "chain"],
  ["api-v2", { risk_score: 101 }, "risk_score"],
  ["api-v2", { blockchain_from: 4 }, "blockchain_from"],
  ["api-v2", { status: "paused" }, "status"],
  ["edge-56feac5", { chain_id: 3 }, "chain_id"],
  ["edge-56feac5", { tokens: ["WETH"] }, "tokens.1"],
  ["edge-56feac5", { deadline: 1e15 }, "deadline"],
  ["api", { risk_score: 10.5 }, "risk_score"],
  ["api", { volume: {} }, "volume"],
  ["api", { estimated_profit: null }, "estimated_profit"],
])("refuses a %s record with %j at its exact path", (name, changes, path) => {
  expect(faultOf(sample(name, changes))?.path).toBe(path);
  expect(faultOf({ eventType: "opportunity:detected", data: sample(name, changes) })?.path).toBe(`data.${path}`);
});

describe("the Rust searcher, which has no chain of its own,", () => {
  const chainless = sample("rust", { metadata: {} });

  it("is refused when neither metadata nor source names one", () => {
    expect(faultOf(chainless)).toEqual({ path: "metadata.chain", message: expect.stringContaining("chain") });
    expect(faultOf({ type: "opportunity_detected", source: "contabo/base-to-arbitrum", data: chainless })?.path).toBe(
      "data.metadata.chain",
    );
  });

  it("takes the chain that the event's source names", () => {
    const data = dataOf({ type: "opportunity_detected", source: "contabo/searcher/arbitrum", data: chainless });
    expect(data).toMatchObject({ chain: "arbitrum", chain_id: 42_161, token_pair: "WETH/USDC.e" });
  });

  it("names tokens that nobody lists by their addresses, and says that the volume is not known", () => {
    const data = dataOf(sample("rust", { token_in: "0x01", token_out: "0x02" }));
    expect(data).toMatchObject({
      token_pair: "0x01/0x02",
      volume: "0",
      metadata: { normalised: { absent: ["volume"] } },
    });
  });

  it("tells the gain of a cycle exactly, beyond what a float holds", () => {
    const metadata = { chain: "arbitrum" };
    const cycle = { token_out: recorded.tokenIn.address, amount_in: "0xde0b6b3a7640000", amount_out: "0xde0b6b3a7640000", metadata };
    expect(dataOf(sample("rust", cycle))["price_difference"]).toBe("0");
    expect(dataOf(sample("rust", { ...cycle, amount_out: `0x${1_004_784_134_512_345_678n.toString(16)}` }))["price_difference"]).toBe(
      "0.478413",
    );
  });

  it.each([
    ["Low", 2.5],
    ["Medium", 5],
    ["High", 7.5],
    ["EXTREME", 10],
  ])("has the risk that competition %s means", (level, score) => {
    const data = dataOf(sample("rust", { risk_score: undefined, competition_level: level }));
    expect(data).toMatchObject({ risk_score: score, metadata: { normalised: { derived: expect.arrayContaining(["risk_score"]) } } });
  });

  it("keeps every digit of an f64 as its shortest text, and of a U256", () => {
    expect(dataOf(sample("rust", { estimated_profit: 1e-7 }))["estimated_profit"]).toBe("0.0000001");
    expect(dataOf(sample("rust", { estimated_profit: 0.1 + 0.2 }))["estimated_profit"]).toBe("0.30000000000000004");
    expect(dataOf(sample("rust", { amount_in: `0x${"f".repeat(64)}` }))["amount_in"]).toBe(String(2n ** 256n - 1n));
  });
});

it.each(names.filter((name) => name !== "api"))("recognises the %s dialect in CloudEvents of a canonical type as well", (name) => {
  const envelope = { specversion: "1.0", id: "e", source: "contabo/x", type: "opportunity.detected", time: "2026-11-24T02:00:00Z" };
  expect(dataOf({ ...envelope, data: sample(name) })).toMatchObject(canonical(recorded));
});

it("takes the greatest of Temporal's risks", () => {
  const riskFactors = { slippageRisk: 0.07, frontrunRisk: "0.29", liquidityRisk: 0, priceImpact: 0.1 };
  expect(dataOf(sample("temporal", { riskFactors }))["risk_score"]).toBe(2.9);
});

it("says that a risk nobody judged is the greatest, and that it is not known", () => {
  const data = dataOf(without(sample("api-v2"), "risk_score"));
  expect(data).toMatchObject({ risk_score: 10, metadata: { normalised: { absent: ["risk_score"] } } });
});

it("says of the edge's own dialect that its venues are not known, where metadata does not tell", () => {
  const data = dataOf(sample("edge-56feac5", { metadata: undefined }));
  expect(data).toMatchObject({
    dex_a: "unknown",
    dex_b: "unknown",
    metadata: { normalised: { absent: expect.arrayContaining(["dex_a", "dex_b"]) } },
  });
});

it("knows what an event's type implies of the status, and refuses an update that does not say", () => {
  const frame = (type: string, changes: Fields = {}): Fields => ({ type, data: sample("rust", changes) });
  expect(dataOf(frame("opportunity_expired"))["execution_status"]).toBe("expired");
  expect(dataOf(frame("opportunity_updated", { status: "COMPLETED" }))["execution_status"]).toBe("executed");
  expect(faultOf(frame("opportunity_updated"))?.path).toBe("data.execution_status");
});

it.each([{ specversion: "1.0", type: "opportunity.detected", data: canonical(recorded) }, { opportunity: 1 }, [], "text", null, {}])(
  "leaves alone what is canonical already, or nothing it knows: %j",
  (value) => {
    expect(normaliseEvent(value, reception)).toEqual({ kind: "canonical" });
  },
);
