/** What D1 has surely applied, and what to do when that stands still: hand the positions over again, and in the end list as incomplete
 *  what the log no longer holds, so that a snapshot is never frozen and never silently short (DESIGN 12, 13). */
import { redriveAfterMs, redriveAfterMsMax, redriveAfterRestartMs } from "../../schemas/limits.ts";
import type { Range } from "../../schemas/rpc.ts";
import type { Progress } from "./progress.ts";
import { settle, type Settled } from "./ranges.ts";
import type { Standstill } from "./storage.ts";

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

/** Pure: a restart may have forgotten marks, so what lacks is looked at soon. One that is known to stand still goes on waiting, or an
 *  object that is evicted between its alarms would never come to it. */
export function afterRestart(saved: Standstill | undefined, now: number): Standstill {
  const isKnown = saved !== undefined && saved.patienceMs !== redriveAfterMs;
  return isKnown ? saved : { since: now, patienceMs: redriveAfterRestartMs };
}

export class Settlement {
  readonly #progress: Progress;
  #standstill: Standstill;

  /** `handedOver`: the first offset not yet with the queue. */
  constructor(progress: Progress, handedOver: number, now: number) {
    this.#progress = progress;
    this.#standstill = afterRestart(progress.standstill, now);
    if (this.due(handedOver) !== undefined) progress.settle(this.state, this.#standstill, now);
  }

  get state(): Settled {
    return this.#progress.settled;
  }

  apply(marks: { applied: readonly Range[]; incomplete: readonly Range[] }, now: number): void {
    const next = settle(this.state, marks.applied, marks.incomplete);
    if (next.offset > this.state.offset) this.#standstill = { since: now, patienceMs: redriveAfterMs };
    this.#progress.settle(next, this.#standstill, now);
  }

  /** When a standstill is next looked at, or undefined while nothing is outstanding. */
  due(handedOver: number): number | undefined {
    return this.state.offset + 1 < handedOver ? this.#standstill.since + this.#standstill.patienceMs : undefined;
  }

  /** Looks at a standstill whose time has come; each try waits longer, or an outage would multiply its own backlog. */
  check(now: number, log: { handedOver: number; first: number }): Redrive {
    const due = this.due(log.handedOver);
    // With nothing outstanding nothing stands still: what is handed over next has all its time.
    if (due === undefined) this.#standstill = { since: now, patienceMs: redriveAfterMs };
    if (due === undefined || now < due) return { kind: "none" };
    const redrive = redriveOf(this.state, log);
    const patienceMs = Math.min(Math.max(this.#standstill.patienceMs, redriveAfterMs) * 2, redriveAfterMsMax);
    this.#standstill = { since: now, patienceMs };
    this.#progress.settle(this.state, this.#standstill, now);
    if (redrive.kind === "lost") this.apply({ applied: [], incomplete: [redrive.range] }, now);
    return redrive;
  }
}
