/** Which executions were asked for under which key, in D1 (SESSIONS_DB): its single writer is what makes one of many who show the same key at the
 *  same time the first. Decides the SQL; what is sent, and what a repeat is told, is gateway/proxy/once.ts's. */
import { z } from "zod";
import { ExecutionOutcome } from "../schemas/execution-outcome.ts";

export interface OnceStores {
  readonly SESSIONS_DB: D1Database;
}

export interface Claim {
  readonly keyHash: string;
  /** Of what is to be executed. */
  readonly fingerprint: string;
  /** Names who claims it: only he may say how it went. */
  readonly attempt: string;
  readonly nowMs: number;
  readonly openUntilMs: number;
  /** What was claimed before is forgotten. */
  readonly forgetBeforeMs: number;
}

export type Claimed =
  | { readonly kind: "first" }
  | {
      readonly kind: "repeat";
      readonly fingerprint: string;
      readonly openUntilMs: number;
      /** Undefined: on its way, or nobody will ever know. */
      readonly outcome: ExecutionOutcome | undefined;
    };

/** A claim leaves fewer old rows than it found, whatever the traffic was. */
const forgottenAtOnce = 50;

const forgetSql = `DELETE FROM executions_once WHERE key_hash IN
  (SELECT key_hash FROM executions_once WHERE claimed_ms < ?1 ORDER BY claimed_ms LIMIT ${forgottenAtOnce})`;
const claimSql = `INSERT INTO executions_once (key_hash, fingerprint, attempt, claimed_ms, open_until_ms)
  VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key_hash) DO NOTHING`;
const readSql = `SELECT fingerprint, attempt, open_until_ms AS openUntilMs, outcome FROM executions_once WHERE key_hash = ?1`;

const Row = z.object({ fingerprint: z.string(), attempt: z.string(), openUntilMs: z.number(), outcome: z.string().nullable() });

/** One transaction, so that who reads sees who was first. */
export async function claimExecution({ SESSIONS_DB }: OnceStores, claim: Claim): Promise<Claimed> {
  const { keyHash, fingerprint, attempt, nowMs, openUntilMs, forgetBeforeMs } = claim;
  const [, , read] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(forgetSql).bind(forgetBeforeMs),
    SESSIONS_DB.prepare(claimSql).bind(keyHash, fingerprint, attempt, nowMs, openUntilMs),
    SESSIONS_DB.prepare(readSql).bind(keyHash),
  ]);
  const row = Row.parse(read?.results[0]);
  // By the name and not by the count of changes: a call that the platform repeats by itself finds its own row.
  if (row.attempt === attempt) return { kind: "first" };
  const outcome = row.outcome === null ? undefined : ExecutionOutcome.parse(JSON.parse(row.outcome));
  return { kind: "repeat", fingerprint: row.fingerprint, openUntilMs: row.openUntilMs, outcome };
}

export interface Mine {
  readonly keyHash: string;
  readonly attempt: string;
}

export async function settleExecution({ SESSIONS_DB }: OnceStores, { keyHash, attempt }: Mine, outcome: ExecutionOutcome): Promise<void> {
  const sql = "UPDATE executions_once SET outcome = ?3 WHERE key_hash = ?1 AND attempt = ?2";
  await SESSIONS_DB.prepare(sql).bind(keyHash, attempt, JSON.stringify(outcome)).run();
}

/** Nothing was sent: the key is free again. */
export async function releaseExecution({ SESSIONS_DB }: OnceStores, { keyHash, attempt }: Mine): Promise<void> {
  const sql = "DELETE FROM executions_once WHERE key_hash = ?1 AND attempt = ?2 AND outcome IS NULL";
  await SESSIONS_DB.prepare(sql).bind(keyHash, attempt).run();
}
