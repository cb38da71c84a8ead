/** Pulls from the hub what a returning client missed and the ring no longer holds. Clients that miss the same share one pull; few run
 *  at a time, because each holds its rows in memory. What fits is kept in the ring for those who come next. */
import { withTimeout } from "../../platform/timeout.ts";
import { lastOf } from "../../schemas/row.ts";
import type { ChannelRpc, HistoryReply, LogRow } from "../../schemas/rpc.ts";
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

  /** One page of a stream's log: after `since`, or the newest `limit` events. */
  page({ stream, since, limit }: { stream: string; since: number | undefined; limit: number }): Promise<HistoryReply> {
    const ask = (after: number, count: number): Promise<HistoryReply> =>
      withTimeout(this.#hub(stream).history({ v: 1, stream, since: after, limit: count }), hubTimeoutMs, "history");
    return this.#limited(async () => {
      if (since !== undefined) return ask(since, limit);
      // Nothing is beyond the greatest offset: the answer only tells the top.
      const { top } = await ask(Number.MAX_SAFE_INTEGER, 1);
      return ask(Math.max(0, top - limit), limit);
    });
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
