/** GET /ops/audit?since&until&action&actor: decisions about security of the last weeks, newest first. What is older lies in R2. */
import type { Context } from "hono";
import { z } from "zod";
import { auditActions, auditLine } from "../../schemas/audit.ts";
import { pageLimitDefault, pageLimitMax } from "../../schemas/limits.ts";
import { auditKeptMs } from "../../schemas/token-limits.ts";
import { readAudit } from "../../stores/audit.ts";
import { ask } from "../http/ask.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { Cursor, TimeMs, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";

export const AuditQuery = z.object({
  /** All that is kept unless said. */
  since: TimeMs.optional(),
  /** Exclusive. */
  until: TimeMs.optional(),
  action: z.enum(auditActions, `must be one of ${auditActions.join(", ")}`).optional(),
  actor: z.string().min(1, "must not be empty").max(300).optional(),
  limit: wholeNumber(1, pageLimitMax).default(pageLimitDefault),
  cursor: Cursor.optional(),
});

const AuditCursor = z.object({ v: z.literal(1), time_ms: z.int(), seq: z.int() });

export async function answerAudit(c: Context<GatewayEnv>, nowMs: number): Promise<Response> {
  const { since, until, action, actor, limit, cursor } = parseQuery(AuditQuery, new URL(c.req.url).searchParams);
  const place = cursor === undefined ? undefined : decodeCursor(AuditCursor, cursor);
  const before = place === undefined ? undefined : { timeMs: place.time_ms, seq: place.seq };
  const range = { sinceMs: since ?? nowMs - auditKeptMs, untilMs: until ?? Number.MAX_SAFE_INTEGER };
  const found = await ask(readAudit(c.env, { ...range, action, actor, before, limit: limit + 1 }), { what: "the audit log" });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next = found.length > limit && last !== undefined ? encodeCursor({ v: 1, time_ms: last.timeMs, seq: last.seq }) : undefined;
  return c.json(success(page.map(auditLine), pageOf(limit, next)), 200, { "cache-control": "no-store" });
}
