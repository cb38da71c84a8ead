/** What D1 has surely applied, and what to do when that stands still: hand the positions over again, and in the end list as incomplete
 *  what the log no longer holds, so that a snapshot is never frozen and never silently short (DESIGN 12, 13). */
import { redriveAfterMs, redriveAfterMsMax } from "../../schemas/limits.ts";
import type { Range } from "../../schemas/rpc.ts";
import { settle, type Settled } from "./ranges.ts";
import type { ChannelStorage } from "./storage.ts";

export type Redrive =
  | { readonly kind: "none" }
  | { readonly kind: "again"; readonly from: number }
  | { readonly kind: "lost"; readonly range: Range };

/** Pure: what a standstill calls for. `handedOver` is the first offset not yet with the queue, `first` the oldest the log holds. */
export function redriveOf(settled: Settled, log: { handedOver: number; first: number }): Redrive {
  const lacking = settled.offset + 1;
  if (lacking >= log.handedOver) return { kind: "none" };
  if (log.first <= lacking) return { kind: "again", from: lacking };
  return { kind: "lost", range: [lacking, Math.min(log.first, log.handedOver) - 1] };
}

export class Settlement {
  readonly #storage: ChannelStorage;
  #state: Settled;
  #progressAt: number;
  #patienceMs = redriveAfterMs;

  constructor(storage: ChannelStorage, now: number) {
    this.#storage = storage;
    this.#state = storage.settled();
    this.#progressAt = now;
  }

  get state(): Settled {
    return this.#state;
  }

  apply(marks: { applied: readonly Range[]; incomplete: readonly Range[] }, now: number): void {
    const next = settle(this.#state, marks.applied, marks.incomplete);
    if (next.offset > this.#state.offset) {
      this.#progressAt = now;
      this.#patienceMs = redriveAfterMs;
    }
    this.#state = next;
    this.#storage.write("settled", next);
  }

  /** When a standstill is next looked at, or undefined while nothing is outstanding. */
  due(handedOver: number): number | undefined {
    return this.#state.offset + 1 < handedOver ? this.#progressAt + this.#patienceMs : undefined;
  }

  /** Looks at a standstill whose time has come; each try waits twice as long, or an outage would multiply its own backlog. */
  check(now: number, log: { handedOver: number; first: number }): Redrive {
    const due = this.due(log.handedOver);
    if (due === undefined || now < due) return { kind: "none" };
    const redrive = redriveOf(this.#state, log);
    this.#progressAt = now;
    this.#patienceMs = Math.min(this.#patienceMs * 2, redriveAfterMsMax);
    if (redrive.kind === "lost") this.apply({ applied: [], incomplete: [redrive.range] }, now);
    return redrive;
  }
}
