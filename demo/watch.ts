/** Watches one channel of a native subscription for holes and repeats (CONTRACT 4): a hole is `prev > last`. Pure. */

export interface EventFrame {
  readonly epoch: string;
  readonly offset: number;
  readonly prev: number;
  readonly id: string;
}

export class ChannelWatch {
  readonly channel: string;
  epoch: string | undefined;
  last = 0;
  holes = 0;
  repeats = 0;
  /** Times the edge announced that it could not recover what was missed. */
  resets = 0;
  readonly #seen = new Set<string>();

  constructor(channel: string) {
    this.channel = channel;
  }

  subscribed(frame: {
    readonly epoch: string;
    readonly offset: number;
    readonly recovered: boolean;
    readonly was_recovering: boolean;
  }): void {
    if (frame.was_recovering && !frame.recovered) this.resets += 1;
    // Recovery sends the missed events next, from our own position on: `offset` is then behind or at it.
    const from = frame.epoch === this.epoch ? this.last : 0;
    this.last = frame.recovered ? from : Math.max(from, frame.offset);
    this.epoch = frame.epoch;
  }

  positioned(offset: number): void {
    this.last = Math.max(this.last, offset);
  }

  event({ epoch, offset, prev, id }: EventFrame): void {
    if (epoch !== this.epoch || prev > this.last) this.holes += 1;
    if (offset <= this.last || this.#seen.has(id)) this.repeats += 1;
    this.#seen.add(id);
    this.epoch = epoch;
    this.last = Math.max(this.last, offset);
  }
}
