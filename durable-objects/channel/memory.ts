/** Dedupe and newest-wins across restarts: rebuilt from the `seen` blobs and the rows no blob covers yet, at the first publish. */
import { parseEvent } from "../../schemas/event.ts";
import { dedupeWindowMs, seenBlobEvents, seenBlobEveryMs } from "../../schemas/limits.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { Publication } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";
import type { Log } from "./log.ts";
import { SeenIndex, type SeenEvent } from "./seen.ts";
import type { ChannelStorage } from "./storage.ts";

/** Events in one blob: 960 KB, half of what an SQLite row may hold. */
const blobEventsMax = 40_000;
const rebuildBytesMax = 1_048_576;

export class Memory {
  readonly #storage: ChannelStorage;
  readonly index = new SeenIndex();
  /** Recorded and in no blob yet: contiguous up to the top. */
  #pending: SeenEvent[] = [];
  #pendingFirst: number;
  #pendingSince: number;

  constructor(storage: ChannelStorage, log: Log, now: number) {
    this.#storage = storage;
    this.#pendingFirst = Math.max(storage.seenNext(), log.extent.first);
    this.#pendingSince = now;
    for (const { first, at, events } of storage.seenSince(now - dedupeWindowMs)) {
      events.forEach((event, index) => this.index.record(event, first + index, at));
    }
    while (this.#pendingFirst + this.#pending.length <= log.head.top) {
      const rows = log.rowsAfter(this.#pendingFirst + this.#pending.length - 1, rebuildBytesMax);
      if (rows.length === 0) break;
      for (const event of rows.flatMap(eventsOf)) this.#remember(publicationOf(event.text), event.offset, event.at);
    }
  }

  record(fresh: readonly { readonly event: Publication; readonly offset: number }[], at: number): void {
    if (this.#pending.length === 0) this.#pendingSince = at;
    for (const { event, offset } of fresh) this.#remember(event, offset, at);
  }

  /** When a blob is to be written, or undefined while the blobs hold everything. */
  due(now: number): number | undefined {
    if (this.#pending.length === 0) return undefined;
    return this.#pending.length >= seenBlobEvents ? now : this.#pendingSince + seenBlobEveryMs;
  }

  /** Writes what is due and forgets what is past the window. */
  flush(now: number): void {
    this.index.expire(now);
    const due = this.due(now);
    if (due === undefined || now < due) return;
    for (let start = 0; start < this.#pending.length; start += blobEventsMax) {
      this.#storage.appendSeen(this.#pendingFirst + start, now, this.#pending.slice(start, start + blobEventsMax));
    }
    this.#pendingFirst += this.#pending.length;
    this.#pending = [];
    this.#storage.forgetSeenBefore(now - dedupeWindowMs);
  }

  #remember({ key, entity, timeMs, rank }: Publication, offset: number, at: number): void {
    this.index.record({ key, entity, timeMs, rank }, offset, at);
    this.#pending.push({ key, entity, timeMs, rank });
  }
}

/** Text in the log was rendered by us from a parsed event: not parsing again is a bug, not bad input. */
function publicationOf(text: string): Publication {
  const parsed = parseEvent(JSON.parse(text));
  if (!parsed.ok) throw new Error(`a logged event does not parse: ${parsed.fault.path} ${parsed.fault.message}`);
  return toPublication(parsed.event, text);
}
