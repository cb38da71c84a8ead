/** How many streams are compressed at a time in this isolate: each holds an encoder of some megabytes. A stream that was cut off may never
 *  get to say so; one that has not moved for a while no longer counts. */

export interface LeaseBounds {
  readonly leasesMax: number;
  readonly idleMs: number;
}

export interface Lease {
  renew(nowMs: number): void;
  end(): void;
}

export class Leases {
  readonly #bounds: LeaseBounds;
  readonly #held = new Set<{ movedMs: number }>();

  constructor(bounds: LeaseBounds) {
    this.#bounds = bounds;
  }

  /** Undefined when all are held. */
  take(nowMs: number): Lease | undefined {
    const { leasesMax, idleMs } = this.#bounds;
    if (this.#held.size >= leasesMax) {
      for (const held of this.#held) if (nowMs - held.movedMs > idleMs) this.#held.delete(held);
      if (this.#held.size >= leasesMax) return undefined;
    }
    const held = { movedMs: nowMs };
    this.#held.add(held);
    return {
      renew: (atMs) => {
        held.movedMs = atMs;
        // It moves after all: it counts again.
        this.#held.add(held);
      },
      end: () => void this.#held.delete(held),
    };
  }
}
