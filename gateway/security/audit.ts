/** The one way into the audit log. What is decided seldom is a row in D1 before it is answered; refusals are counted and written together
 *  some seconds later. The cron brings rows to R2 (stores/audit-export.ts). */
import type { Context } from "hono";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { countedActions, type AuditEntry } from "../../schemas/audit.ts";
import { putAudit } from "../../stores/audit.ts";
import { ask } from "../http/ask.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import type { Reader } from "./reader.ts";
import { AuditBuffer } from "./audit-buffer.ts";

/** Who keeps the isolate alive for what is written after the answer. */
export interface AuditContext {
  waitUntil(work: Promise<unknown>): void;
}

/** A refusal is in D1 within this and the time of a write. */
export const auditFlushMs = 5_000;
/** A write that was promised by now died with its request. */
const lostMs = 35_000;

const counted = new Set<string>(countedActions);

interface Pending {
  readonly buffer: AuditBuffer;
  plannedMs: number;
}

const pending = new WeakMap<object, Pending>();

/** Records one decision. A recorded action throws when it cannot be written (UPSTREAM_UNAVAILABLE or UPSTREAM_TIMEOUT): call this before
 *  the change, so that nothing happens that is not on record. A counted one never throws and costs no write. */
export async function audit(env: Env, context: AuditContext, entry: AuditEntry): Promise<void> {
  const nowMs = Date.now();
  if (!counted.has(entry.action)) {
    await ask(putAudit(env, [{ ...entry, timeMs: nowMs, firstMs: nowMs, count: 1 }]), { what: "the audit log" });
    return;
  }
  countRefusal(env, context, entry);
}

/** The counted half of audit(), for where nothing can be awaited. */
export function countRefusal(env: Env, context: AuditContext, entry: AuditEntry): void {
  const nowMs = Date.now();
  const waiting = pending.get(env) ?? { buffer: new AuditBuffer(), plannedMs: Number.NEGATIVE_INFINITY };
  pending.set(env, waiting);
  const isPlanned = !waiting.buffer.isEmpty && nowMs - waiting.plannedMs < lostMs;
  waiting.buffer.add(entry, nowMs);
  if (isPlanned) return;
  waiting.plannedMs = nowMs;
  context.waitUntil(flushSoon(env, waiting.buffer));
}

async function flushSoon(env: Env, buffer: AuditBuffer): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, auditFlushMs));
  await flushAudit(env, buffer);
}

/** Writes what is counted. Losing a count is no outage: nothing was given. */
async function flushAudit(env: Env, buffer: AuditBuffer): Promise<void> {
  const rows = buffer.take();
  if (rows.length === 0) return;
  try {
    await ask(putAudit(env, rows), { what: "the audit log" });
  } catch (error) {
    const count = rows.reduce((sum, row) => sum + row.count, 0);
    logWarning("audit.refusals.lost", { count, reason: messageOf(error) });
  }
}

/** Whose decision it is, and from where: what every entry of a route has in common. */
export function askedBy(c: Context<GatewayEnv>, reader: Reader): Pick<AuditEntry, "actor" | "address" | "requestId"> {
  return { actor: actorOf(reader), address: c.req.header("cf-connecting-ip"), requestId: c.get("requestId") };
}

function actorOf(reader: Reader): string {
  if (reader.kind === "client") return `user:${reader.claims.sub ?? ""}`;
  return reader.kind;
}
