/** Whether a run of positions is complete. They are taken in order, so the previous one is all that must be remembered. Pure. */
import type { PositionRange } from "../schemas/manifest.ts";
import type { LogPosition } from "./event-log-object.ts";

export interface EpochRange extends PositionRange {
  readonly events: number;
}

export class PositionTracker {
  readonly #missingMax: number;
  readonly #missing: PositionRange[] = [];
  readonly #epochs: EpochRange[] = [];
  missingPositions = 0;
  events = 0;

  /** Holes beyond `missingMax` are counted only. */
  constructor(missingMax = Number.POSITIVE_INFINITY) {
    this.#missingMax = missingMax;
  }

  /** False for a position that is not beyond the last one. */
  admit(position: LogPosition): boolean {
    return this.admitRange({ epoch: position.epoch, first: position.offset, last: position.offset, events: 1 });
  }

  /** A run whose own holes are already known. */
  admitRange({ epoch, first, last, events }: EpochRange): boolean {
    const previous = this.#epochs.at(-1);
    this.events += events;
    if (previous?.epoch !== epoch) {
      this.#epochs.push({ epoch, first, last, events });
      return true;
    }
    if (first <= previous.last) {
      this.events -= events;
      return false;
    }
    if (first > previous.last + 1) this.miss({ epoch, first: previous.last + 1, last: first - 1 });
    this.#epochs[this.#epochs.length - 1] = { ...previous, last, events: previous.events + events };
    return true;
  }

  miss(range: PositionRange, positions = range.last - range.first + 1): void {
    this.missingPositions += positions;
    if (this.#missing.length < this.#missingMax) this.#missing.push(range);
  }

  get missing(): readonly PositionRange[] {
    return this.#missing;
  }

  get epochs(): readonly EpochRange[] {
    return this.#epochs;
  }
}
