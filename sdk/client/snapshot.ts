/** Reads a channel's snapshot page by page: the newest state of each entity, and the position from which the log continues it. Decides
 *  nothing about what is newer; when to read, and how often, is subscription.ts's. */
import type { Position } from "./channels.ts";
import { EdgeError, messageOf } from "./errors.ts";

export interface SnapshotItem<D> {
  readonly data: D;
  /** The item's own position: it may be beyond the snapshot's. */
  readonly offset: number;
}

export interface Snapshot<D> extends Position {
  readonly channel: string;
  readonly items: readonly SnapshotItem<D>[];
  /** Positions whose events never reached the state: kept by the edge as dead letters. */
  readonly incomplete: readonly (readonly [first: number, last: number])[];
}

export interface SnapshotSource {
  /** Address of the edge, without a slash at the end. */
  readonly origin: string;
  readonly fetch: typeof fetch;
  token(): Promise<string | undefined>;
}

/** The edge's own maximum for a page. */
const pageItems = 500;
/** 50,000 living entities: more is not a screen's state, and would not fit its memory either. */
const pagesMax = 100;
const pageTimeoutMs = 15_000;
/** Longer than the edge ever asks for; a wrong clock must not hold a client for an hour. */
const retryAfterSecondsMax = 60;

export class SnapshotError extends EdgeError {
  readonly isRetryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, retry: { readonly isRetryable: boolean; readonly afterMs?: number | undefined }) {
    super(code, message);
    this.isRetryable = retry.isRetryable;
    this.retryAfterMs = retry.afterMs;
  }
}

interface Page {
  readonly epoch: string;
  readonly offset: number;
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly incomplete: Snapshot<unknown>["incomplete"];
  readonly cursor: string | undefined;
}

/** Throws SnapshotError, also when aborted. */
export async function loadSnapshot<D>(source: SnapshotSource, channel: string, signal: AbortSignal): Promise<Snapshot<D>> {
  const items: SnapshotItem<D>[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < pagesMax; pages++) {
    const page = await readPage(source, { channel, cursor }, signal);
    items.push(...page.items.map(itemOf<D>));
    cursor = page.cursor;
    if (cursor === undefined) return { channel, epoch: page.epoch, offset: page.offset, items, incomplete: page.incomplete };
  }
  throw new SnapshotError("SNAPSHOT_TOO_BIG", `the snapshot of ${channel} has more than ${pagesMax * pageItems} items`, {
    isRetryable: false,
  });
}

function itemOf<D>({ offset, ...data }: Readonly<Record<string, unknown>>): SnapshotItem<D> {
  return { data: data as D, offset: Number.isSafeInteger(offset) ? (offset as number) : 0 };
}

async function readPage(
  source: SnapshotSource,
  { channel, cursor }: { readonly channel: string; readonly cursor: string | undefined },
  signal: AbortSignal,
): Promise<Page> {
  const query = new URLSearchParams({ limit: String(pageItems), ...(cursor === undefined ? {} : { cursor }) });
  const failed = (error: unknown): never => {
    throw new SnapshotError("SNAPSHOT_UNREACHABLE", messageOf(error), { isRetryable: !signal.aborted });
  };
  const token = await source.token().catch(failed);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await source
    .fetch(`${source.origin}/api/channels/${channel}/snapshot?${query}`, {
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(pageTimeoutMs)]),
    })
    .catch(failed);
  const body: unknown = await response.json().catch(() => undefined);
  return response.ok ? pageOf(body) : refuse(response, body);
}

function pageOf(body: unknown): Page {
  const { data, pagination } = fieldsOf(body);
  const { epoch, offset, items, incomplete } = fieldsOf(data);
  if (typeof epoch !== "string" || !Number.isSafeInteger(offset) || !Array.isArray(items)) {
    throw new SnapshotError("SNAPSHOT_MALFORMED", "the answer is no snapshot", { isRetryable: false });
  }
  const { has_next: hasNext, cursor } = fieldsOf(pagination);
  return {
    epoch,
    offset: offset as number,
    items: items.map(fieldsOf),
    incomplete: Array.isArray(incomplete) ? (incomplete as Page["incomplete"]) : [],
    cursor: hasNext === true && typeof cursor === "string" ? cursor : undefined,
  };
}

/** The edge's own word where it gave one. A stream that started over between two pages (409) is read again from its first. */
function refuse({ status, headers }: Response, body: unknown): never {
  const { code, message } = fieldsOf(fieldsOf(body)["error"]);
  const seconds = Math.min(retryAfterSecondsMax, Number(headers.get("retry-after") ?? Number.NaN));
  throw new SnapshotError(
    typeof code === "string" ? code : "SNAPSHOT_UNREACHABLE",
    typeof message === "string" ? message : `the snapshot was answered ${status}`,
    { isRetryable: status >= 500 || status === 429 || status === 409, afterMs: seconds >= 0 ? seconds * 1_000 : undefined },
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
