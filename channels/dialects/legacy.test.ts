import { describe, expect, it } from "vitest";
import { opportunity, publicationOf } from "../../tests/support/sockets.ts";
import { LiveEvent } from "./live-event.ts";
import type { LegacyView } from "./dialect.ts";
import { pickFrame, renderLegacy, splitPair } from "./legacy.ts";

interface Shape {
  readonly type?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly stale?: boolean;
}

const timeMs = Date.parse("2026-11-24T02:00:00.123Z");

function live({ type = "opportunity.detected", data = {}, stale = false }: Shape = {}): LiveEvent {
  const { text } = publicationOf(opportunity({ id: "o1", type, timeMs, data }));
  return new LiveEvent({ offset: 9, at: timeMs, stale, earlier: 0, text });
}

function shownAs(shape: Shape, { view = "full" as LegacyView, shown = 0, joinedAt = 5 } = {}): unknown {
  const frame = renderLegacy(live(shape), view, shown);
  return frame === undefined ? undefined : JSON.parse(pickFrame(frame, joinedAt));
}

describe("an opportunity", () => {
  it("has what the hook renders, numbers as numbers", () => {
    expect(shownAs({})).toEqual({
      type: "opportunity_new",
      data: {
        id: "o1",
        chain: "arbitrum",
        tokenA: "WETH",
        tokenB: "USDC",
        profit: 24.5,
        gasEstimate: 210_000,
        timestamp: timeMs,
        status: "pending",
      },
    });
  });

  it("always has a profit that toFixed can be called on, and a gas estimate", () => {
    expect(shownAs({ data: { gas_estimate: undefined, estimated_profit: `1${"0".repeat(77)}` } })).toMatchObject({
      data: { profit: 1e77, gasEstimate: 0 },
    });
  });

  it.each([
    ["pending", "pending"],
    ["executing", "executing"],
    ["executed", "completed"],
    ["expired", "failed"],
    ["failed", "failed"],
  ])("in state %s is %s to the hook", (status, expected) => {
    expect(shownAs({ data: { execution_status: status } })).toMatchObject({ data: { status: expected } });
  });

  it("is new at a socket's first sight of it, whatever its type, and an update afterwards", () => {
    const expired = { type: "opportunity.expired", data: { execution_status: "expired" } };
    expect(shownAs(expired, { shown: 0 })).toMatchObject({ type: "opportunity_new" });
    expect(shownAs(expired, { shown: 5, joinedAt: 5 })).toMatchObject({ type: "opportunity_new" });
    expect(shownAs(expired, { shown: 6, joinedAt: 5 })).toMatchObject({ type: "opportunity_update", data: { id: "o1" } });
  });

  it("that is stale is not shown: it would resurrect what is over", () => {
    expect(shownAs({ stale: true })).toBeUndefined();
  });

  it("is redacted without what a transaction costs", () => {
    expect(shownAs({}, { view: "redacted" })).toMatchObject({ data: { profit: 24.5, gasEstimate: 0 } });
  });
});

it("shows the market in numbers", () => {
  const data = {
    profit: "1203.55",
    success_rate: "0.87",
    latency_ms: 41,
    total_opportunities: 900,
    total_executions: 12,
    last_update: "2026-11-24T02:00:00.123Z",
  };
  const { text } = publicationOf({ specversion: "1.0", id: "m1", source: "s", type: "market.updated", time: data.last_update, data });
  const frame = renderLegacy(new LiveEvent({ offset: 1, at: timeMs, stale: false, earlier: 0, text }), "redacted", 0);
  expect(JSON.parse(frame?.first ?? "")).toEqual({
    type: "market_update",
    data: { profit: 1203.55, successRate: 0.87, latency: 41, totalOpportunities: 900, totalExecutions: 12, lastUpdate: timeMs },
  });
});

it.each([
  ["WETH/USDC", ["WETH", "USDC"]],
  ["BTC-USDT", ["BTC", "USDT"]],
  ["BTC_USDT", ["BTC", "USDT"]],
  ["WETH/USDC/DAI", ["WETH", "USDC/DAI"]],
  ["WETH", ["WETH", ""]],
])("splits %s", (pair, tokens) => {
  expect(splitPair(pair)).toEqual(tokens);
});
