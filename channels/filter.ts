/** What a subscription leaves out: a chain view and filters, decided on an event's data. A filtered event still advances the position. */
import { compareDecimals, isDecimal } from "./decimals.ts";
import { nameCharsMax } from "../schemas/limits.ts";

/** Filters as clients may name them (CONTRACT 5.1), normalised so that equal filters share one group. */
export interface Filters {
  readonly chain?: string;
  readonly dex?: string;
  readonly max_risk?: number;
  readonly min_profit?: string;
  readonly status?: string;
  readonly strategy_id?: string;
  readonly token_pair?: string;
}

export type ParsedFilters =
  | { readonly ok: true; readonly filters: Filters }
  | { readonly ok: false; readonly path: string; readonly message: string };

type EventData = Readonly<Record<string, unknown>>;

/** Alphabetical: the order in which a normalised filter is written. */
const filterNames = ["chain", "dex", "max_risk", "min_profit", "status", "strategy_id", "token_pair"] as const;
type FilterName = (typeof filterNames)[number];

export function parseFilters(input: Readonly<Record<string, unknown>>): ParsedFilters {
  const unknown = Object.keys(input).find((name) => !isFilterName(name));
  if (unknown !== undefined) {
    return { ok: false, path: `filters.${unknown.slice(0, 64)}`, message: `unknown filter; known: ${filterNames.join(", ")}` };
  }
  const filters: Record<string, string | number> = {};
  for (const name of filterNames) {
    const value = input[name];
    if (value === undefined || value === null) continue;
    const parsed = parseValue(name, value);
    if (typeof parsed === "object") return { ok: false, path: `filters.${name}`, message: parsed.fault };
    filters[name] = parsed;
  }
  return { ok: true, filters };
}

function isFilterName(name: string): name is FilterName {
  return (filterNames as readonly string[]).includes(name);
}

function parseValue(name: FilterName, value: unknown): string | number | { fault: string } {
  if (name === "max_risk") {
    const risk = typeof value === "string" && isDecimal(value) ? Number(value) : value;
    return typeof risk === "number" && Number.isFinite(risk) ? risk : { fault: "must be a number" };
  }
  if (name === "min_profit") {
    // 1e-7 has no plain text as a JavaScript number: such a client sends the decimal string itself.
    const text = typeof value === "number" ? String(value) : value;
    return typeof text === "string" && isDecimal(text) ? text : { fault: 'must be a decimal string such as "10.0"' };
  }
  const valid = typeof value === "string" && value.length > 0 && value.length <= nameCharsMax;
  return valid ? value : { fault: `must be text of 1 to ${nameCharsMax} characters` };
}

export function isUnfiltered(filters: Filters): boolean {
  return Object.keys(filters).length === 0;
}

/** Whether an event with this data belongs to the view. A filter on a field the event lacks leaves it out. */
export function matches(filters: Filters, data: EventData): boolean {
  const { chain, dex, max_risk: maxRisk, min_profit: minProfit, status, strategy_id: strategy, token_pair: pair } = filters;
  if (chain !== undefined && data["chain"] !== chain) return false;
  if (dex !== undefined && data["dex_a"] !== dex && data["dex_b"] !== dex) return false;
  if (pair !== undefined && data["token_pair"] !== pair) return false;
  if (strategy !== undefined && data["strategy_id"] !== strategy) return false;
  if (status !== undefined && (data["execution_status"] ?? data["status"]) !== status) return false;
  if (maxRisk !== undefined && !isAtMost(data["risk_score"], maxRisk)) return false;
  return minProfit === undefined || isAtLeast(data["estimated_profit"] ?? data["actual_profit"], minProfit);
}

function isAtMost(value: unknown, bound: number): boolean {
  return typeof value === "number" && value <= bound;
}

function isAtLeast(value: unknown, bound: string): boolean {
  return typeof value === "string" && isDecimal(value) && compareDecimals(value, bound) >= 0;
}
