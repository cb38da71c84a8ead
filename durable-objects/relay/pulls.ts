/** Pulls from the hub what a returning client missed and the ring no longer holds. Clients that miss the same share one pull; few run
 *  at a time, because each holds its rows in memory. What fits is kept in the ring for those who come next. */
import { withTimeout } from "../../platform/timeout.ts";
import { lastOf } from "../../schemas/row.ts";
import type { ChannelRpc, HistoryReply, HistoryRequest, LogRow } from "../../schemas/rpc.ts";
import { hubTimeoutMs, pullsMax } from "./bounds.ts";
import { contiguousAfter } from "./stream-state.ts";

export type Pulled =
  | { readonly kind: "rows"; readonly rows: readonly LogRow[] }
  /** The hub has another epoch, or its log no longer reaches back; `first` is the oldest offset it holds. */
  | { readonly kind: "lost"; readonly first: number };

export interface PullRequest {
  readonly stream: string;
  readonly epoch: string;
  readonly since: number;
  readonly until: number;
}

export class Pulls {
  readonly #hub: (stream: string) => ChannelRpc;
  readonly #running = new Map<string, Promise<Pulled>>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(hub: (stream: string) => ChannelRpc) {
    this.#hub = hub;
  }

  /** May answer up to another `until` than asked, when it joins a pull under way: the caller looks at what it got. */
  pull(request: PullRequest): Promise<Pulled> {
    const key = `${request.stream} ${request.epoch} ${request.since}`;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = this.#limited(() => this.#pages(request)).finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** One page of a stream's log, as far as one answer reaches. */
  page(request: Omit<HistoryRequest, "v">): Promise<HistoryReply> {
    return this.#limited(() => withTimeout(this.#hub(request.stream).history({ v: 1, ...request }), hubTimeoutMs, "history"));
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#active >= pullsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#active += 1;
    try {
      return await work();
    } finally {
      // The place goes straight to the next in line.
      const next = this.#waiting.shift();
      if (next === undefined) this.#active -= 1;
      else next();
    }
  }

  async #pages({ stream, epoch, since, until }: PullRequest): Promise<Pulled> {
    const rows: LogRow[] = [];
    let last = since;
    while (last < until) {
      const reply = await withTimeout(this.#hub(stream).history({ v: 1, stream, since: last, until }), hubTimeoutMs, "history");
      const page = reply.epoch === epoch ? contiguousAfter(last, reply.rows) : [];
      const end = page.at(-1);
      if (end === undefined) return { kind: "lost", first: reply.first };
      rows.push(...page);
      last = lastOf(end);
    }
    return { kind: "rows", rows };
  }
}
