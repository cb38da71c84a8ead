/** Dedupe and newest-wins across restarts: rebuilt from the `seen` blobs and the rows no blob covers yet, at the first publish. */
import { parseEvent } from "../../schemas/event.ts";
import { dedupeWindowMs } from "../../schemas/limits.ts";
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

  constructor(storage: ChannelStorage, log: Log, now: number) {
    this.#storage = storage;
    this.#pendingFirst = Math.max(storage.seenNext(), log.extent.first);
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
    for (const { event, offset } of fresh) this.#remember(event, offset, at);
  }

  /** Writes what no blob holds yet and forgets what is past the window. */
  flush(now: number): void {
    for (let start = 0; start < this.#pending.length; start += blobEventsMax) {
      this.#storage.appendSeen(this.#pendingFirst + start, now, this.#pending.slice(start, start + blobEventsMax));
    }
    this.#pendingFirst += this.#pending.length;
    this.#pending = [];
    this.index.expire(now);
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
