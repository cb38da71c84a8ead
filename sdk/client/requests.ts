/** Questions that are answered once, by their id: who listens, and pages of history. Asking twice changes nothing, so a question outlives a cut
 *  and is asked again on the next connection; it ends by its answer, a refusal, its time, or the channel's end. */
import type { Position } from "./channels.ts";
import { EdgeError } from "./errors.ts";
import type { ChannelEvent, HistoryFrame } from "./frames.ts";

/** Who listens to a channel, in all regions. */
export interface Presence {
  /** One for each socket of a user, a thousand at most. */
  readonly members: readonly { readonly user: string; readonly client: string }[];
  /** True above that as well; a socket without a user counts among the clients alone. */
  readonly users: number;
  readonly clients: number;
}

export interface HistoryOptions {
  /** The events after it, or with `reverse` before it; left out, the newest. A position, or an offset of whatever epoch there is. */
  readonly since?: Position | number;
  /** A hundred unless said, a thousand at most. */
  readonly limit?: number;
  /** The newest first. */
  readonly reverse?: boolean;
}

export interface HistoryPage<D> {
  readonly events: readonly ChannelEvent<D>[];
  /** To go on from: the next page's `since`. */
  readonly position: Position;
}

type Fields = Readonly<Record<string, unknown>>;

interface Pending {
  readonly frame: Fields;
  readonly timer: ReturnType<typeof setTimeout>;
  resolve(answer: unknown): void;
  reject(error: EdgeError): void;
}

/** As long as a subscription waits for its answer: a cut and its reconnect lie within. */
export const answerTimeoutMs = 20_000;
/** At a time: the edge takes fifty messages a minute of a socket. */
export const pendingMax = 16;

export class Requests {
  readonly #pending = new Map<number, Pending>();
  #send: ((frame: Fields) => void) | undefined;
  #isClosed = false;
  readonly #nextId: () => number;

  /** Ids are unique in the socket. */
  constructor(nextId: () => number) {
    this.#nextId = nextId;
  }

  async presence(channel: string): Promise<Presence> {
    const { members, users, clients } = await this.#ask<Presence>({ type: "presence", channel });
    return { members, users, clients };
  }

  history(channel: string, { since, limit, reverse }: HistoryOptions): Promise<HistoryFrame> {
    const start = typeof since === "object" ? { since: since.offset, epoch: since.epoch } : { since };
    return this.#ask<HistoryFrame>({ type: "history", channel, ...start, limit, reverse });
  }

  /** The answer is the frame that carries the id back. Rejects with an EdgeError. */
  #ask<T>(frame: Fields): Promise<T> {
    const id = this.#nextId();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (this.#isClosed) reject(new EdgeError("CLOSED", "the channel is closed"));
    else if (this.#pending.size >= pendingMax)
      reject(new EdgeError("TOO_MANY_REQUESTS", `${pendingMax} questions wait for their answers: wait for one of them`));
    else {
      const timer = setTimeout(() => this.failed(id, new EdgeError("TIMEOUT", `no answer within ${answerTimeoutMs} ms`)), answerTimeoutMs);
      const pending = { frame: { ...frame, id }, timer, resolve, reject };
      this.#pending.set(id, pending);
      this.#send?.(pending.frame);
    }
    return promise as Promise<T>;
  }

  opened(send: (frame: Fields) => void): void {
    this.#send = send;
    for (const { frame } of this.#pending.values()) send(frame);
  }

  disconnected(): void {
    this.#send = undefined;
  }

  answered(id: unknown, answer: unknown): void {
    this.#take(id)?.resolve(answer);
  }

  failed(id: unknown, error: EdgeError): void {
    this.#take(id)?.reject(error);
  }

  close(): void {
    this.#isClosed = true;
    for (const id of [...this.#pending.keys()]) this.failed(id, new EdgeError("CLOSED", "the channel is closed"));
  }

  #take(id: unknown): Pending | undefined {
    const pending = typeof id === "number" ? this.#pending.get(id) : undefined;
    if (pending === undefined) return undefined;
    this.#pending.delete(id as number);
    clearTimeout(pending.timer);
    return pending;
  }
}
