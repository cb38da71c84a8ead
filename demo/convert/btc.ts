/** From gap moments to canonical events, with the metrics and alerts that follow from them (rules: demo/README.md). */
import { roundTo, scaledDecimal } from "./exact.ts";
import { isoOf, provenance, type Draft } from "./draft.ts";
import { gapOf, gapRule, type Gap, type Moment } from "./gaps.ts";
import type { BookState } from "./quotes.ts";

const from = "nkaz001/hftbacktest";
export const gapSource = "contabo/btc-gap-watcher";
const gapMonitorSource = "contabo/btc-gap-monitor";
const chain = "binance";
/** A gap not updated for this long is not worth acting on; an update renews it. */
const expiryMs = 30_000;
const metricEveryMs = 10_000;
/** A quote this old counts as fully stale. */
const staleMs = 1_000;
/** One bitcoin at the touch counts as full depth. */
const fullDepthUnits = 100_000_000;

const statusOf = { detected: "pending", updated: "pending", expired: "expired" } as const;

export function gapEvents(moments: readonly Moment[]): Draft[] {
  let detectedMs = 0;
  const drafts: Draft[] = [];
  const alerted = new Set<number>();
  for (const moment of moments) {
    if (moment.kind === "detected") detectedMs = moment.atMs;
    drafts.push(opportunityEvent(moment, detectedMs));
    if (moment.gap.size < gapRule.alertAt || alerted.has(moment.number)) continue;
    alerted.add(moment.number);
    drafts.push(alertEvent(moment));
  }
  return drafts;
}

function gapId(number: number): string {
  return `btc-gap-${String(number).padStart(4, "0")}`;
}

function opportunityEvent(moment: Moment, detectedMs: number): Draft {
  const { kind, number, update, atMs, gap } = moment;
  const data = {
    opportunity_id: gapId(number),
    chain,
    dex_a: gap.buy.venue,
    dex_b: gap.sell.venue,
    token_pair: "BTC/USDT",
    price_difference: scaledDecimal(BigInt(gap.size), 4),
    // Cents × 10^-8 BTC.
    volume: scaledDecimal(BigInt(gap.buy.askCents) * BigInt(gap.quantityUnits), 10),
    estimated_profit: scaledDecimal(BigInt(gap.sell.bidCents - gap.buy.askCents) * BigInt(gap.quantityUnits), 10),
    profit_currency: "USDT",
    risk_score: riskScore(gap, atMs),
    timestamp: isoOf(detectedMs),
    expiry_time: isoOf(kind === "expired" ? atMs : atMs + expiryMs),
    execution_status: statusOf[kind],
    strategy_type: "spot_futures_basis",
    confidence: confidenceOf(gap),
    buy_price: scaledDecimal(BigInt(gap.buy.askCents), 2),
    sell_price: scaledDecimal(BigInt(gap.sell.bidCents), 2),
    quantity: scaledDecimal(BigInt(gap.quantityUnits), 8),
    metadata: {
      ...provenance({
        recordedAt: isoOf(atMs),
        from,
        derived: [
          "price_difference",
          "volume",
          "estimated_profit",
          "risk_score",
          "timestamp",
          "expiry_time",
          "execution_status",
          "confidence",
        ],
      }),
      ...(kind === "expired" ? { reason: moment.reason } : {}),
    },
  };
  const id = `${gapId(number)}-${update}`;
  return { atMs, order: [0], id, source: gapSource, type: `opportunity.${kind}`, data };
}

/** Age of the older of the two quotes against a second, 0–10: the price may be gone. */
export function riskScore(gap: Gap, atMs: number): number {
  const ageMs = atMs - Math.min(gap.buy.atMs, gap.sell.atMs);
  return roundTo(Math.min(10, (10 * ageMs) / staleMs), 1);
}

/** Depth of the thinner side against one bitcoin, 0–1. */
export function confidenceOf(gap: Gap): number {
  return roundTo(Math.min(1, gap.quantityUnits / fullDepthUnits), 2);
}

function alertEvent({ number, atMs, gap }: Moment): Draft {
  const bps = (gap.size / 100).toFixed(2);
  const data = {
    level: "info",
    message: `BTC/USDT gap between ${gap.buy.venue} and ${gap.sell.venue} reached ${bps} bps`,
    category: "market",
    timestamp: isoOf(atMs),
    opportunity_id: gapId(number),
    metadata: provenance({ recordedAt: isoOf(atMs), from, derived: ["level", "message", "category"] }),
  };
  return { atMs, order: [1], id: `alert-${gapId(number)}`, source: gapMonitorSource, type: "system.alert", data };
}

/** The widest gap and the number of book states of each full ten seconds, reported when the first state after them arrives. */
export function gapMetrics(states: readonly BookState[]): Draft[] {
  const drafts: Draft[] = [];
  let window: { start: number; widest: number; states: number } | undefined;
  for (const state of states) {
    const start = Math.floor(state.atMs / metricEveryMs) * metricEveryMs;
    if (window !== undefined && window.start !== start) drafts.push(...windowMetrics(window));
    if (window?.start !== start) window = { start, widest: Number.NEGATIVE_INFINITY, states: 0 };
    window.widest = Math.max(window.widest, gapOf(state).size);
    window.states += 1;
  }
  return drafts;
}

function windowMetrics(window: { readonly start: number; readonly widest: number; readonly states: number }): Draft[] {
  const endMs = window.start + metricEveryMs;
  const values = { gap_bps_max: scaledDecimal(BigInt(window.widest), 2), book_states: String(window.states) };
  return Object.entries(values).map(([metric_type, value], index) => ({
    atMs: endMs,
    order: [2 + index],
    id: `metric-${metric_type}-${window.start}`,
    source: gapMonitorSource,
    type: "metrics.recorded",
    data: {
      metric_type,
      value,
      chain,
      metadata: { ...provenance({ recordedAt: isoOf(endMs), from, derived: ["value"] }), window_ms: metricEveryMs },
      timestamp: isoOf(endMs),
    },
  }));
}
