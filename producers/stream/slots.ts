/** How many streams run at a time in this isolate. A request that is cut off may never get to give its slot back: it is taken from it. */
import { AppError } from "../../platform/errors.ts";

export interface SlotBounds {
  readonly slotsMax: number;
  /** Nobody needs a slot for longer. */
  readonly leaseMs: number;
}

const retryAfterSeconds = 5;

export class Slots {
  readonly #bounds: SlotBounds;
  readonly #taken = new Set<{ readonly untilMs: number }>();

  constructor(bounds: SlotBounds) {
    this.#bounds = bounds;
  }

  /** Returns how to give it back. Throws CAPACITY_EXCEEDED. */
  take(nowMs: number): () => void {
    const { slotsMax, leaseMs } = this.#bounds;
    for (const slot of this.#taken) if (slot.untilMs <= nowMs) this.#taken.delete(slot);
    if (this.#taken.size >= slotsMax) {
      throw new AppError("CAPACITY_EXCEEDED", `${slotsMax} streams at a time are taken here: wait for one to end`, { retryAfterSeconds });
    }
    const slot = { untilMs: nowMs + leaseMs };
    this.#taken.add(slot);
    return () => void this.#taken.delete(slot);
  }
}
