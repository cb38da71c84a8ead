/** Reads and marks dead letters for operators: the index in D1, the letter itself in R2. A letter is never deleted here: what became of it stands
 *  beside it. */
import { LetterRow, StoredLetter } from "../schemas/dead-letter.ts";
import type { LetterState } from "../schemas/dead-letter.ts";
import type { DeadLetterStores } from "./dead-letters.ts";

type Databases = Pick<DeadLetterStores, "METRICS_DB">;

const columns = `id, queue, reason, parked_ms AS parkedMs, bytes, object, stream, epoch, first, last, attempts, parks, state, redrives,
  handled_ms AS handledMs`;

export interface LetterFilter {
  readonly state?: LetterState | undefined;
  readonly queue?: string | undefined;
  readonly limit: number;
  readonly order: "oldest" | "newest";
  readonly after?: { readonly parkedMs: number; readonly id: string } | undefined;
}

/** One page, and whether there is more. */
export async function listLetters(
  { METRICS_DB }: Databases,
  filter: LetterFilter,
): Promise<{ readonly rows: readonly LetterRow[]; readonly more: boolean }> {
  const { state, queue, limit, order, after } = filter;
  const [direction, beyond] = order === "oldest" ? ["ASC", ">"] : ["DESC", "<"];
  const conditions: (readonly [string, ...(string | number)[]])[] = [
    ...(state === undefined ? [] : [["state = ?", state] as const]),
    ...(queue === undefined ? [] : [["queue = ?", queue] as const]),
    ...(after === undefined ? [] : [[`(parked_ms, id) ${beyond} (?, ?)`, after.parkedMs, after.id] as const]),
  ];
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.map(([sql]) => sql).join(" AND ")}`;
  const sql = `SELECT ${columns} FROM dead_letters ${where} ORDER BY parked_ms ${direction}, id ${direction} LIMIT ?`;
  const { results } = await METRICS_DB.prepare(sql)
    .bind(...conditions.flatMap(([, ...values]) => values), limit + 1)
    .all();
  const rows = results.map((row) => LetterRow.parse(row));
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

export interface FoundLetter {
  readonly row: LetterRow;
  readonly letter: StoredLetter;
}

/** Undefined when there is no such letter. Throws when its object is gone or cannot be read: a row always has one. */
export async function findLetter({ METRICS_DB, EDGE_LOGS }: DeadLetterStores, id: string): Promise<FoundLetter | undefined> {
  const found = await METRICS_DB.prepare(`SELECT ${columns} FROM dead_letters WHERE id = ?`).bind(id).first();
  if (found === null) return undefined;
  const row = LetterRow.parse(found);
  const object = await EDGE_LOGS.get(row.object);
  if (object === null) throw new Error(`the dead letter ${id} has no object ${row.object}`);
  return { row, letter: StoredLetter.parse(await object.json()) };
}

/** Marks a letter that was kept and has not been kept again since it was read: what failed once more meanwhile stays waiting. */
export async function markLetter(
  { METRICS_DB }: Databases,
  { id, parks }: Pick<LetterRow, "id" | "parks">,
  mark: { state: LetterState; nowMs: number },
): Promise<boolean> {
  const { meta } = await METRICS_DB.prepare(
    "UPDATE dead_letters SET state = ?1, handled_ms = ?2, redrives = redrives + (?1 = 'redriven') WHERE id = ?3 AND parks = ?4",
  )
    .bind(mark.state, mark.nowMs, id, parks)
    .run();
  return meta.changes > 0;
}

/** The corrected text of a letter, beside it: what was sent in its place must be found again. */
export async function keepCorrection(
  { EDGE_LOGS }: Pick<DeadLetterStores, "EDGE_LOGS">,
  { id, redrives }: LetterRow,
  text: string,
): Promise<void> {
  await EDGE_LOGS.put(`dead-letters/v1/corrected/${id}-${redrives + 1}.txt`, text, {
    httpMetadata: { contentType: "text/plain; charset=utf-8" },
  });
}

export interface WaitingLetters {
  readonly count: number;
  /** Of the one that waits longest, and of the one that came last; absent when none waits. */
  readonly oldestMs?: number;
  readonly newestMs?: number;
}

export async function waitingLetters({ METRICS_DB }: Databases): Promise<WaitingLetters> {
  const row = await METRICS_DB.prepare(
    "SELECT COUNT(*) AS count, MIN(parked_ms) AS oldest, MAX(parked_ms) AS newest FROM dead_letters WHERE state = 'kept'",
  ).first<{ count: number; oldest: number | null; newest: number | null }>();
  if (row === null || row.oldest === null || row.newest === null) return { count: 0 };
  return { count: row.count, oldestMs: row.oldest, newestMs: row.newest };
}
