/** A channel's operations of the last day, in slots of ten minutes. Pure: `now` is an argument. */
import { z } from "zod";
import { objectIdleMs, operationSlotMs, operationSlotsMax } from "../../schemas/limits-cost.ts";
import { OperationSlot } from "../../schemas/operations.ts";

export const SavedOperations = z.object({ v: z.literal(1), slots: z.array(OperationSlot) });
export type SavedOperations = z.infer<typeof SavedOperations>;

export class Tally {
  readonly #slots: { readonly at: number; readonly counts: Record<string, number> }[];
  #unsavedFrom: number;
  /** Until when the object is billed for being awake, as far as is counted. */
  #awakeUntil = 0;

  /** `recent` was written at another time than `saved`, either of them later: counts only grow, so the greater one is the newer. */
  constructor(saved: readonly OperationSlot[], recent: readonly OperationSlot[] = []) {
    const slots = new Map(saved.map(({ at, counts }) => [at, { ...counts }]));
    for (const { at, counts } of recent) {
      const own = slots.get(at) ?? {};
      for (const [name, count] of Object.entries(counts)) own[name] = Math.max(own[name] ?? 0, count);
      slots.set(at, own);
    }
    this.#slots = [...slots].map(([at, counts]) => ({ at, counts })).toSorted((a, b) => a.at - b.at);
    this.#unsavedFrom = saved.at(-1)?.at ?? 0;
  }

  add(name: string, count: number, now: number): void {
    if (count === 0) return;
    const { counts } = this.#slotAt(now);
    counts[name] = (counts[name] ?? 0) + count;
  }

  /** A call: until the object would go to sleep after it, it is paid for. */
  awake(now: number): void {
    const until = now + objectIdleMs;
    this.add("awake.channel", (until - Math.max(now, this.#awakeUntil)) / 1_000, now);
    this.#awakeUntil = until;
  }

  /** Slots that began at `sinceMs` or later, oldest first. */
  since(sinceMs: number): OperationSlot[] {
    return this.#slots.filter(({ at }) => at >= sinceMs).map(({ at, counts }) => ({ at, counts: { ...counts } }));
  }

  /** Since the newest slot that was saved, which may have grown. */
  unsaved(): OperationSlot[] {
    return this.since(this.#unsavedFrom);
  }

  /** All of them, for whoever writes them now. */
  save(): SavedOperations {
    this.#unsavedFrom = this.#slots.at(-1)?.at ?? 0;
    return { v: 1, slots: this.since(0) };
  }

  /** A clock that went back stays in the newest slot. */
  #slotAt(now: number): { readonly counts: Record<string, number> } {
    const at = Math.floor(now / operationSlotMs) * operationSlotMs;
    const newest = this.#slots.at(-1);
    if (newest !== undefined && newest.at >= at) return newest;
    const slot = { at, counts: {} };
    this.#slots.push(slot);
    if (this.#slots.length > operationSlotsMax) this.#slots.shift();
    return slot;
  }
}
