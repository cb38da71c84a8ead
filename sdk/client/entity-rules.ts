/** What identifies an entity of each stream, when it is over, and which of many comes first. */
import type { Execution, Opportunity, Strategy } from "./channels.ts";
import { compareDecimals } from "./decimal.ts";
import type { EntityRules } from "./entity-set.ts";

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const opportunities: EntityRules<Opportunity> = {
  idOf: ({ opportunity_id: id }) => id,
  isOver: ({ execution_status: status, expiry_time: expiry }, nowMs) => status === "expired" || Date.parse(expiry) <= nowMs,
  endsMs: ({ expiry_time: expiry }) => Date.parse(expiry),
  // Ties by id, or equal profits would change places with every render.
  compare: (a, b) => compareDecimals(b.estimated_profit, a.estimated_profit) || byText(a.opportunity_id, b.opportunity_id),
};

const executions: EntityRules<Execution> = {
  idOf: ({ execution_id: id }) => id,
  isOver: () => false,
  endsMs: () => Number.POSITIVE_INFINITY,
  compare: (a, b) => byText(b.created_at, a.created_at) || byText(a.execution_id, b.execution_id),
};

const strategies: EntityRules<Strategy> = {
  idOf: ({ strategy_id: id }) => id,
  isOver: () => false,
  endsMs: () => Number.POSITIVE_INFINITY,
  compare: (a, b) => byText(a.name, b.name) || byText(a.strategy_id, b.strategy_id),
};

export const entityRules = { opportunities, executions, strategies } as const;
