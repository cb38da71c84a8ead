/** `data` of every event type (CONTRACT 2). Unknown fields are kept, unknown types never get here. */
import { z } from "zod";
import { DecimalString, IntegerString } from "./decimal.ts";
import { idCharsMax, messageCharsMax, nameCharsMax } from "./limits.ts";

/** Unicode's category Cc, spelled out: JSON Schema validators that know no `\p{Cc}` read this pattern too. */
const controlCharacters = String.raw`\u0000-\u001f\u007f-\u009f`;
/** CloudEvents 1.0 keeps them out of attributes; NUL is also what separates source and id in a key. */
const controlFree = new RegExp(`^[^${controlCharacters}]*$`);

/** One line of text that names something. */
export function identifier(charsMax: number): z.ZodString {
  return z.string().min(1).max(charsMax).regex(controlFree, "must not contain control characters");
}

export const Id = identifier(idCharsMax);
const Name = z.string().min(1).max(nameCharsMax);
/** Chains and venues are slugs. */
export const Slug = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'must be a slug such as "arbitrum" or "uniswap_v3"');
/** The first instant of the year 10000, which RFC 3339 cannot write: rendered, it could not be read again. */
const timeMsEnd = Date.UTC(10_000, 0, 1);
const canonicalChars = "2026-11-24T02:00:00.123Z".length;
/** RFC 3339 with any offset; rendered as UTC with milliseconds. */
export const Time = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time such as "2026-11-24T02:00:00.123Z"' })
  .transform((text, context) => {
    // Most senders write the canonical form already: three times an event, no Date is made.
    if (text.length === canonicalChars && text.endsWith("Z") && text >= "1970") return text;
    const time = new Date(text);
    if (time.getTime() >= 0 && time.getTime() < timeMsEnd) return time.toISOString();
    context.issues.push({ code: "custom", message: "must lie between the years 1970 and 9999", input: text });
    return z.NEVER;
  });
const Currency = z
  .string()
  .regex(/^[A-Z0-9]{2,16}$/, 'must be a currency code such as "USD"')
  .default("USD");
const Metadata = z.record(z.string(), z.unknown());
const GasAmount = IntegerString;

export const executionStatuses = ["pending", "submitted", "confirmed", "failed", "reverted"] as const;
export const opportunityStatuses = ["pending", "executing", "executed", "expired", "failed"] as const;

export const Opportunity = z.looseObject({
  opportunity_id: Id,
  chain: Slug,
  chain_id: z.int().positive().optional(),
  dex_a: Slug,
  dex_b: Slug,
  token_pair: Name,
  price_difference: DecimalString,
  volume: DecimalString,
  estimated_profit: DecimalString,
  profit_currency: Currency,
  risk_score: z.number().min(0).max(10),
  timestamp: Time,
  expiry_time: Time,
  execution_status: z.enum(opportunityStatuses),
  strategy_type: Name.optional(),
  confidence: z.number().min(0).max(1).optional(),
  gas_estimate: GasAmount.optional(),
  amount_in: IntegerString.optional(),
  route: z.array(z.unknown()).max(64).optional(),
  metadata: Metadata.optional(),
});

export const Execution = z.looseObject({
  execution_id: Id,
  opportunity_id: Id,
  strategy_id: Id.optional(),
  chain: Slug,
  transaction_hash: z
    .string()
    .regex(/^0x[0-9a-fA-F]{1,128}$/, "must be 0x-hex")
    .optional(),
  block_number: z.int().nonnegative().optional(),
  gas_used: GasAmount.optional(),
  actual_profit: DecimalString.optional(),
  profit_currency: Currency,
  execution_time: z.number().nonnegative().optional(),
  status: z.enum(executionStatuses),
  error_message: z.string().max(messageCharsMax).optional(),
  created_at: Time,
  metadata: Metadata.optional(),
});

export const Strategy = z.looseObject({
  strategy_id: Id,
  name: Name,
  type: Name,
  is_active: z.boolean(),
  parameters: Metadata,
  risk_limits: Metadata,
  performance_metrics: Metadata.optional(),
  last_modified: Time,
});

export const Market = z.looseObject({
  profit: DecimalString,
  success_rate: DecimalString,
  latency_ms: z.number().nonnegative(),
  total_opportunities: z.int().nonnegative(),
  total_executions: z.int().nonnegative(),
  last_update: Time,
});

export const Alert = z.looseObject({
  level: z.enum(["info", "warning", "critical"]),
  message: z.string().min(1).max(messageCharsMax),
  category: Name.optional(),
  timestamp: Time,
});

export const Metric = z.looseObject({
  metric_type: Name,
  value: DecimalString,
  chain: Slug.optional(),
  strategy_id: Id.optional(),
  aggregation_period: z.enum(["1m", "5m", "1h", "1d"]).optional(),
  metadata: Metadata.optional(),
  timestamp: Time,
});

export const Workflow = z.looseObject({
  workflow_id: Id,
  agent_id: Id.optional(),
  status: Name,
  progress: z.number().min(0).max(100).optional(),
  message: z.string().max(messageCharsMax).optional(),
  timestamp: Time,
});

export type Opportunity = z.infer<typeof Opportunity>;
export type Execution = z.infer<typeof Execution>;
export type Strategy = z.infer<typeof Strategy>;
export type Market = z.infer<typeof Market>;
export type Metric = z.infer<typeof Metric>;
