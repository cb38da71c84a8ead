/** Decides on this side what the edge's filters decide on theirs: a snapshot is not filtered by the edge, and an entity that stops
 *  matching is not sent any more, so whoever holds state has to look for himself. */
import type { Filters } from "./channels.ts";
import { compareDecimals, isDecimal } from "./decimal.ts";

type EventData = Readonly<Record<string, unknown>>;

/** A filter on a field that the data lack leaves them out. */
export function matches(filters: Filters, data: EventData): boolean {
  const { chain, dex, token_pair: pair, strategy_id: strategy, status, min_profit: minProfit, max_risk: maxRisk } = filters;
  if (chain !== undefined && data["chain"] !== chain) return false;
  if (dex !== undefined && data["dex_a"] !== dex && data["dex_b"] !== dex) return false;
  if (pair !== undefined && data["token_pair"] !== pair) return false;
  if (strategy !== undefined && data["strategy_id"] !== strategy) return false;
  if (status !== undefined && (data["execution_status"] ?? data["status"]) !== status) return false;
  const risk = data["risk_score"];
  if (maxRisk !== undefined && !(typeof risk === "number" && risk <= maxRisk)) return false;
  const profit = data["estimated_profit"] ?? data["actual_profit"];
  return minProfit === undefined || (isDecimal(profit) && compareDecimals(profit, minProfit) >= 0);
}

/** The filters whose fields stay as they are for an entity's whole life: these the edge may apply without hiding that an entity left. */
export function lastingFilters({ chain, dex, token_pair, strategy_id }: Filters): Filters {
  return {
    ...(chain === undefined ? {} : { chain }),
    ...(dex === undefined ? {} : { dex }),
    ...(token_pair === undefined ? {} : { token_pair }),
    ...(strategy_id === undefined ? {} : { strategy_id }),
  };
}
