/** Replays in D1: what was ordered, how far each is, who may change what. Every change names the state it changes from, so that two who
 *  change at once do not both succeed. What the states mean is schemas/replay.ts's. */
import { newCheckpoint, ReplayCheckpoint, replayStates, ReplaySpec, replayWishes } from "../schemas/replay.ts";
import type { ReplayOrder, ReplayRow, ReplayState, ReplayWish } from "../schemas/replay.ts";
import { z } from "zod";

export interface ReplayStores {
  readonly METRICS_DB: D1Database;
}

const Json = z.string().transform((text): unknown => JSON.parse(text));
const absent = <T>(value: T | null): T | undefined => value ?? undefined;

const Row = z.object({
  id: z.string(),
  state: z.enum(replayStates),
  wanted: z.enum(replayWishes).nullable().transform(absent),
  run: z.int(),
  requestedBy: z.string(),
  createdMs: z.int(),
  startedMs: z.int().nullable().transform(absent),
  endedMs: z.int().nullable().transform(absent),
  touchedMs: z.int(),
  spec: Json.pipe(ReplaySpec),
  checkpoint: z.union([z.null().transform(() => newCheckpoint), Json.pipe(ReplayCheckpoint)]),
  result: z.union([z.null().transform(() => undefined), Json.pipe(z.record(z.string(), z.unknown()))]),
  error: z.string().nullable().transform(absent),
});

const columns = `id, state, wanted, run, requested_by AS requestedBy, created_ms AS createdMs, started_ms AS startedMs, ended_ms AS endedMs,
  touched_ms AS touchedMs, spec, checkpoint, result, error`;
const active = "state IN ('queued', 'running')";
const idle = "state IN ('paused', 'failed', 'cancelled')";

export interface NewReplay {
  readonly id: string;
  readonly spec: ReplaySpec;
  readonly requestedBy: string;
  readonly nowMs: number;
}

/** False when as many run as may. */
export async function createReplay({ METRICS_DB }: ReplayStores, replay: NewReplay, runningMax: number): Promise<boolean> {
  const { id, spec, requestedBy, nowMs } = replay;
  const sql = `INSERT INTO replays (id, mode, state, run, requested_by, created_ms, touched_ms, spec)
    SELECT ?1, ?2, 'queued', 1, ?3, ?4, ?4, ?5 WHERE (SELECT COUNT(*) FROM replays WHERE ${active}) < ?6`;
  const { meta } = await METRICS_DB.prepare(sql).bind(id, spec.mode, requestedBy, nowMs, JSON.stringify(spec), runningMax).run();
  return meta.changes > 0;
}

/** Undefined when there is none. */
export async function findReplay({ METRICS_DB }: ReplayStores, id: string): Promise<ReplayRow | undefined> {
  const found = await METRICS_DB.prepare(`SELECT ${columns} FROM replays WHERE id = ?1`).bind(id).first();
  return found === null ? undefined : Row.parse(found);
}

export interface ReplayPage {
  readonly state?: ReplayState | undefined;
  readonly limit: number;
  /** Ids sort by time. */
  readonly before?: string | undefined;
}

/** Newest first, and whether there are more. */
export async function listReplays(
  { METRICS_DB }: ReplayStores,
  { state, limit, before }: ReplayPage,
): Promise<{ readonly rows: readonly ReplayRow[]; readonly more: boolean }> {
  const sql = `SELECT ${columns} FROM replays WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3`;
  const { results } = await METRICS_DB.prepare(sql)
    .bind(state ?? null, before ?? null, limit + 1)
    .all();
  return { rows: results.slice(0, limit).map((row) => Row.parse(row)), more: results.length > limit };
}

/** The replay, which runs from now on; undefined when this run is over or a later one has begun. Safe to repeat. */
export async function beginRun({ METRICS_DB }: ReplayStores, { id, run, leg }: ReplayOrder, nowMs: number): Promise<ReplayRow | undefined> {
  const sql = `UPDATE replays SET state = 'running', leg = ?3, started_ms = coalesce(started_ms, ?4), touched_ms = ?4
    WHERE id = ?1 AND run = ?2 AND leg <= ?3 AND ${active} RETURNING ${columns}`;
  const row = await METRICS_DB.prepare(sql).bind(id, run, leg, nowMs).first();
  return row === null ? undefined : Row.parse(row);
}

/** What the run is to do next. */
export type ReplayCommand = "go" | ReplayWish | "superseded";

/** Writes how far the run is, and tells what it is to do. Nothing is written once a later one has begun. */
export async function saveCheckpoint(
  { METRICS_DB }: ReplayStores,
  { id, run, leg }: ReplayOrder,
  { checkpoint, nowMs }: { readonly checkpoint: ReplayCheckpoint; readonly nowMs: number },
): Promise<ReplayCommand> {
  const sql = `UPDATE replays SET checkpoint = ?4, touched_ms = ?5
    WHERE id = ?1 AND run = ?2 AND leg = ?3 AND state = 'running' RETURNING wanted`;
  const values = [id, run, leg, JSON.stringify(checkpoint), nowMs];
  const row = await METRICS_DB.prepare(sql)
    .bind(...values)
    .first<{ wanted: ReplayWish | null }>();
  return row === null ? "superseded" : (row.wanted ?? "go");
}

/** How a run ends. */
export type ReplayEnd =
  | { readonly state: "paused" | "cancelled" }
  | { readonly state: "done"; readonly result: Readonly<Record<string, unknown>> }
  | { readonly state: "failed"; readonly error: string };

/** False when it is no longer this run's to end, or what was wished is not wished any more. Safe to repeat. */
export async function endRun(
  { METRICS_DB }: ReplayStores,
  { id, run, leg }: ReplayOrder,
  { end, nowMs }: { readonly end: ReplayEnd; readonly nowMs: number },
): Promise<boolean> {
  const wished = end.state === "paused" ? "pause" : end.state === "cancelled" ? "cancel" : null;
  const sql = `UPDATE replays SET state = ?3, result = ?4, error = ?5, wanted = NULL, touched_ms = ?6,
      ended_ms = CASE WHEN ?3 = 'paused' THEN NULL ELSE ?6 END
    WHERE id = ?1 AND run = ?2 AND leg <= ?8 AND ${active} AND (?7 IS NULL OR wanted = ?7)`;
  const result = end.state === "done" ? JSON.stringify(end.result) : null;
  const error = end.state === "failed" ? end.error : null;
  const { meta } = await METRICS_DB.prepare(sql).bind(id, run, end.state, result, error, nowMs, wished, leg).run();
  return meta.changes > 0;
}

/** Tells a running replay; one that is to be cancelled is not paused any more. False when it does not run. */
export async function wish({ METRICS_DB }: ReplayStores, id: string, wanted: ReplayWish): Promise<boolean> {
  const sql = `UPDATE replays SET wanted = ?2 WHERE id = ?1 AND ${active} AND (?2 = 'cancel' OR wanted IS NOT 'cancel')`;
  const { meta } = await METRICS_DB.prepare(sql).bind(id, wanted).run();
  return meta.changes > 0;
}

/** Takes a pause back that has not been heard yet. */
export async function unpause({ METRICS_DB }: ReplayStores, id: string): Promise<boolean> {
  const sql = `UPDATE replays SET wanted = NULL WHERE id = ?1 AND ${active} AND wanted = 'pause'`;
  return (await METRICS_DB.prepare(sql).bind(id).run()).meta.changes > 0;
}

/** Cancels one that does not run and could be resumed. */
export async function cancelIdle({ METRICS_DB }: ReplayStores, id: string, nowMs: number): Promise<boolean> {
  const sql = `UPDATE replays SET state = 'cancelled', ended_ms = ?2, touched_ms = ?2 WHERE id = ?1 AND state IN ('paused', 'failed')`;
  return (await METRICS_DB.prepare(sql).bind(id, nowMs).run()).meta.changes > 0;
}

/** The next run, which waits for its Workflow; undefined when it cannot be resumed, or as many run as may. */
export async function resumeRun(
  { METRICS_DB }: ReplayStores,
  id: string,
  { nowMs, runningMax }: { readonly nowMs: number; readonly runningMax: number },
): Promise<number | undefined> {
  const sql = `UPDATE replays SET state = 'queued', run = run + 1, leg = 0, wanted = NULL, error = NULL, ended_ms = NULL, touched_ms = ?2
    WHERE id = ?1 AND ${idle} AND (SELECT COUNT(*) FROM replays WHERE ${active}) < ?3 RETURNING run`;
  return (await METRICS_DB.prepare(sql).bind(id, nowMs, runningMax).first<number>("run")) ?? undefined;
}

/** Those that should run and have not been heard of since. */
export async function silentRuns(
  { METRICS_DB }: ReplayStores,
  beforeMs: number,
): Promise<(ReplayOrder & { readonly touchedMs: number })[]> {
  const sql = `SELECT id, run, leg, touched_ms AS touchedMs FROM replays WHERE ${active} AND touched_ms < ?1 ORDER BY id`;
  return (await METRICS_DB.prepare(sql).bind(beforeMs).all<ReplayOrder & { readonly touchedMs: number }>()).results;
}

/** Forgets what ended, or was left paused, before that. */
export async function pruneReplays({ METRICS_DB }: ReplayStores, beforeMs: number): Promise<number> {
  const sql = `DELETE FROM replays WHERE NOT ${active} AND touched_ms < ?1`;
  return (await METRICS_DB.prepare(sql).bind(beforeMs).run()).meta.changes;
}
