/** Keeps what could not be processed: the raw body with its reason in R2, and an index row in D1 for the operator.
 *  Object first, then row: a row always finds its object. The name is a hash of the content, so parking twice is parking once. */
import { sha256Hex, utf8Bytes } from "../platform/bytes.ts";

/** Positions a letter held, where it held any. */
export interface LetterPositions {
  readonly stream: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

export interface DeadLetter {
  /** The queue it was read from. */
  readonly queue: string;
  readonly reason: string;
  /** As it came off the queue. */
  readonly body: unknown;
  readonly positions?: LetterPositions;
  /** How often it was tried before it was given up, where that is known. */
  readonly attempts?: number;
}

export interface DeadLetterStores {
  readonly EDGE_LOGS: R2Bucket;
  readonly METRICS_DB: D1Database;
}

/** A reason is for people; a runaway one must not fill the index. */
const reasonCharsMax = 1_000;

const insertSql = `INSERT INTO dead_letters (id, queue, reason, parked_ms, bytes, object, stream, epoch, first, last, attempts)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
  ON CONFLICT (id) DO UPDATE SET parks = parks + 1, state = 'kept', attempts = excluded.attempts`;

/** Stores the letter, or throws what R2 or D1 throws: then nothing may be acknowledged. Returns the object's name. */
export async function putDeadLetter(stores: DeadLetterStores, letter: DeadLetter, now: number): Promise<string> {
  const { queue, body, positions } = letter;
  const reason = letter.reason.slice(0, reasonCharsMax);
  const text = JSON.stringify({ v: 1, queue, reason, body: plainBody(body) });
  const id = sha256Hex(text).slice(0, 32);
  const object = `dead-letters/v1/queue=${queue}/${id}.json`;
  // No time inside: the same letter parked again is the same bytes under the same name.
  await stores.EDGE_LOGS.put(object, text, { httpMetadata: { contentType: "application/json" } });
  await stores.METRICS_DB.prepare(insertSql)
    .bind(id, queue, reason, now, utf8Bytes(text), object, ...positionColumns(positions), letter.attempts ?? null)
    .run();
  return object;
}

function positionColumns(positions: LetterPositions | undefined): (string | number | null)[] {
  if (positions === undefined) return [null, null, null, null];
  return [positions.stream, positions.epoch, positions.first, positions.last];
}

/** Our queues carry text; what else somebody put there is kept as well as JSON can. */
function plainBody(body: unknown): unknown {
  if (typeof body === "string") return body;
  try {
    return JSON.parse(JSON.stringify(body) ?? "null");
  } catch {
    return String(body);
  }
}
