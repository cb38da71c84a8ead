/** What was posted in this run and where it has arrived. Pure bookkeeping: who looks at socket, D1 and R2 tells it, and it says what
 *  is missing. Events go by id: the set's ids are unique, and a run's suffix makes them its own. */
import { streamOf } from "../channels/catalogue.ts";
import type { EdgeEvent } from "../schemas/event.ts";
import { compareVersions, versionOf, type Version } from "../schemas/version.ts";
import { findHotTable } from "../stores/hot-cache-tables.ts";
import type { PostOutcome } from "./post.ts";

export interface Entry {
  readonly id: string;
  readonly stream: string;
  /** Id of the row in D1; undefined for streams the hot cache does not hold. */
  readonly row: string | undefined;
  readonly version: Version;
  readonly postedAtMs: number;
  /** The edge answered for it and did not refuse it. */
  accepted: boolean;
  /** Frames received and log lines read; one each is right. */
  onSocket: number;
  inLog: number;
  /** D1 holds this state or a newer one of the same entity. */
  inCache: boolean;
}

export interface Totals {
  posted: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Batches that needed more than one attempt. */
  retried: number;
}

/** Newest state of an entity as the hot cache tells it. */
export interface CachedRow {
  readonly stream: string;
  readonly row: string;
  readonly version: Version;
}

const latencySamplesMax = 2_000;

export class Ledger {
  readonly totals: Totals = { posted: 0, accepted: 0, duplicates: 0, rejected: 0, retried: 0 };
  readonly rejections: string[] = [];
  readonly #entries = new Map<string, Entry>();
  /** Accepted events D1 does not cover yet, by stream and row. */
  readonly #uncovered = new Map<string, Map<string, Entry[]>>();
  readonly #latenciesMs: number[] = [];

  posting(events: readonly EdgeEvent[], postedAtMs: number): void {
    for (const event of events) {
      const stream = streamOf(event.type);
      const version = versionOf(event);
      const row = findHotTable(stream)?.idOf({ event, version, epoch: "", offset: 0 });
      const entry = { id: event.id, stream, row, version, postedAtMs, accepted: false, onSocket: 0, inLog: 0, inCache: false };
      this.#entries.set(event.id, entry);
    }
    this.totals.posted += events.length;
  }

  answered(events: readonly EdgeEvent[], outcome: PostOutcome): void {
    this.totals.accepted += outcome.accepted;
    this.totals.duplicates += outcome.duplicates;
    this.totals.rejected += outcome.rejected.length;
    if (outcome.attempts > 1) this.totals.retried += 1;
    const refused = new Map(outcome.rejected.map((rejection) => [rejection.index, rejection]));
    for (const [index, event] of events.entries()) {
      const rejection = refused.get(index);
      if (rejection !== undefined) this.rejections.push(`${event.id}: ${rejection.code} ${rejection.path ?? ""} ${rejection.message}`);
      else this.#accept(event.id);
    }
  }

  #accept(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.accepted = true;
    if (entry.row === undefined) return;
    const rows = this.#uncovered.get(entry.stream) ?? new Map<string, Entry[]>();
    this.#uncovered.set(entry.stream, rows);
    rows.set(entry.row, [...(rows.get(entry.row) ?? []), entry]);
  }

  /** False for an event that is not of this run. */
  sawOnSocket(id: string, atMs: number): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    entry.onSocket += 1;
    if (entry.onSocket > 1) return true;
    this.#latenciesMs.push(atMs - entry.postedAtMs);
    if (this.#latenciesMs.length > latencySamplesMax) this.#latenciesMs.shift();
    return true;
  }

  sawInLog(ids: Iterable<string>): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && entry.inLog === 0) entry.inLog = 1;
    }
  }

  /** The whole log as its reader gives it, from the beginning of the run. */
  countLog(ids: Iterable<string>): void {
    for (const entry of this.#entries.values()) entry.inLog = 0;
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) entry.inLog += 1;
    }
  }

  /** Rows with accepted states that D1 was not seen to cover. */
  uncoveredRows(stream: string): string[] {
    return [...(this.#uncovered.get(stream)?.keys() ?? [])];
  }

  sawInCache({ stream, row, version }: CachedRow): void {
    const rows = this.#uncovered.get(stream);
    const entries = rows?.get(row);
    if (rows === undefined || entries === undefined) return;
    const left: Entry[] = [];
    for (const entry of entries) {
      if (compareVersions(entry.version, version) > 0) left.push(entry);
      else entry.inCache = true;
    }
    if (left.length === 0) rows.delete(row);
    else rows.set(row, left);
  }

  accepted(): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.accepted);
  }

  /** Latest latencies from post to socket, ascending. */
  latenciesMs(): number[] {
    return this.#latenciesMs.toSorted((a, b) => a - b);
  }
}
