/** Frames of the legacy dialect: what the deployed frontend's hook understands (CONTRACT 5.2, UPSTREAM 1). Numbers are numbers,
 *  each frame is whole in itself, and no frame carries a position: this client neither dedupes nor recovers. */
import type { Dialect, LegacyView } from "./dialect.ts";
import type { LiveEvent } from "./live-event.ts";
import { native } from "./native.ts";

/** Streams a legacy socket is subscribed to. */
export const legacyStreams = ["opportunities", "market"] as const;

type EventData = Readonly<Record<string, unknown>>;

/** Canonical states the hook does not know (UPSTREAM 1 lists those it does). */
const statusOf: Readonly<Record<string, string>> = { executed: "completed", expired: "failed" };

/** One event for a legacy group: which of the two texts a socket gets hangs on whether it has seen the entity. */
export interface LegacyFrame {
  /** Offset of the entity's previous event that was shown, 0 if none. */
  readonly shown: number;
  readonly first: string;
  readonly again: string;
}

/** A socket has seen an entity when an earlier event of it was shown after the socket joined. */
export function pickFrame(frame: LegacyFrame, joinedAt: number): string {
  return frame.shown > joinedAt ? frame.again : frame.first;
}

/** Undefined for what this dialect does not show: stale events, and types the hook has no handler for. */
export function renderLegacy(event: LiveEvent, view: LegacyView, shown: number): LegacyFrame | undefined {
  if (event.stale) return undefined;
  if (event.type === "market.updated") {
    const text = `{"type":"market_update","data":${JSON.stringify(marketOf(event.data))}}`;
    return { shown, first: text, again: text };
  }
  if (!event.type.startsWith("opportunity.")) return undefined;
  const data = JSON.stringify(opportunityOf(event.data, view));
  return { shown, first: `{"type":"opportunity_new","data":${data}}`, again: `{"type":"opportunity_update","data":${data}}` };
}

/** Nothing of route, amounts or addresses is in this shape; the redacted view also hides what a transaction would cost. */
function opportunityOf(data: EventData, view: LegacyView): Record<string, unknown> {
  const [tokenA, tokenB] = splitPair(textOf(data["token_pair"]));
  const status = textOf(data["execution_status"]);
  return {
    id: data["opportunity_id"],
    chain: data["chain"],
    tokenA,
    tokenB,
    profit: numberOf(data["estimated_profit"]),
    gasEstimate: view === "full" ? numberOf(data["gas_estimate"]) : 0,
    timestamp: timeOf(data["timestamp"]),
    status: statusOf[status] ?? status,
  };
}

function marketOf(data: EventData): Record<string, number> {
  return {
    profit: numberOf(data["profit"]),
    successRate: numberOf(data["success_rate"]),
    latency: numberOf(data["latency_ms"]),
    totalOpportunities: numberOf(data["total_opportunities"]),
    totalExecutions: numberOf(data["total_executions"]),
    lastUpdate: timeOf(data["last_update"]),
  };
}

/** "WETH/USDC", "BTC-USDT" and "BTC_USDT" are pairs; anything else is shown as its first token. */
export function splitPair(pair: string): [tokenA: string, tokenB: string] {
  const match = /^([^/_-]+)[/_-](.+)$/.exec(pair);
  return [match?.[1] ?? pair, match?.[2] ?? ""];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The hook calls toFixed on it: always a finite number. */
function numberOf(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
}

function timeOf(value: unknown): number {
  const time = Date.parse(textOf(value));
  return Number.isFinite(time) ? time : 0;
}

/** Until it turns native this client sends pings only, and may turn native with any frame: reading and answering are native. */
export const legacy: Dialect = {
  ...native,
  render({ events, view, shownOf }) {
    const frames = events.flatMap((event) => renderLegacy(event, view ?? "redacted", shownOf(event)) ?? []);
    return frames.length === 0 ? undefined : ({ joinedAt }) => frames.map((frame) => pickFrame(frame, joinedAt));
  },
  position: () => undefined,
};
