/** How far the queues and D1 have come: one row, written a few seconds after it changed. Being old after a death is safe: what was handed
 *  over since is handed over again, and marks that were forgotten come again with it. */
import { progressEveryMs } from "../../schemas/limits.ts";
import type { Sink } from "../../channels/catalogue.ts";
import type { OperationSlot } from "../../schemas/operations.ts";
import { nothingSettled, type Settled } from "./ranges.ts";
import type { ChannelStorage, SavedProgress, Standstill } from "./storage.ts";

export class Progress {
  readonly #storage: ChannelStorage;
  readonly #cursors: Record<string, number>;
  #settled: Settled;
  #standstill: Standstill | undefined;
  #changedAt: number | undefined;

  constructor(storage: ChannelStorage) {
    const saved: SavedProgress = storage.progress() ?? { v: 1, cursors: {}, settled: nothingSettled };
    this.#storage = storage;
    this.#cursors = { ...saved.cursors };
    this.#settled = saved.settled;
    this.#standstill = saved.standstill;
  }

  /** First offset not yet handed to the queue. */
  cursor(sink: Sink): number {
    return this.#cursors[sink] ?? 1;
  }

  moveCursor(sink: Sink, next: number, now: number): void {
    this.#cursors[sink] = next;
    this.#changedAt ??= now;
  }

  get settled(): Settled {
    return this.#settled;
  }

  /** Since when settling stands still, if it is known to. */
  get standstill(): Standstill | undefined {
    return this.#standstill;
  }

  settle(settled: Settled, standstill: Standstill | undefined, now: number): void {
    this.#settled = settled;
    this.#standstill = standstill;
    this.#changedAt ??= now;
  }

  /** When it is to be written, or undefined while the row is current. */
  due(): number | undefined {
    return this.#changedAt === undefined ? undefined : this.#changedAt + progressEveryMs;
  }

  /** `operations` ride along: the row is written anyway. */
  save(now: number, operations: readonly OperationSlot[]): void {
    const due = this.due();
    if (due === undefined || now < due) return;
    const { settled, standstill } = this;
    const counted = operations.length === 0 ? {} : { operations: [...operations] };
    this.#storage.write("progress", {
      v: 1,
      cursors: this.#cursors,
      settled,
      ...(standstill === undefined ? {} : { standstill }),
      ...counted,
    });
    this.#changedAt = undefined;
  }
}
