/** Frames on their way to becoming durable: bounded, in order. A socket cannot be told to wait, so beyond the bound the oldest are dropped,
 *  and counted: a new opportunity is worth more than one that expires anyway. */
import type { UpstreamFrame } from "../../schemas/upstream.ts";

export interface IntakeBounds {
  readonly framesMax: number;
  readonly bytesMax: number;
}

export class Intake {
  readonly #bounds: IntakeBounds;
  #frames: UpstreamFrame[] = [];
  #bytes = 0;
  /** Of the leading frames, those that are being made durable: they may already be, so they are not dropped. */
  #taken = 0;
  dropped = 0;

  constructor(bounds: IntakeBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#frames.length;
  }

  add(frame: UpstreamFrame): void {
    this.#frames.push(frame);
    this.#bytes += frame.bytes;
    const { framesMax, bytesMax } = this.#bounds;
    while ((this.#frames.length > framesMax || this.#bytes > bytesMax) && this.#frames.length > this.#taken) {
      const [gone] = this.#frames.splice(this.#taken, 1);
      this.#bytes -= gone?.bytes ?? 0;
      this.dropped += 1;
    }
  }

  /** The leading frames, which stay until they are settled. Taken again, they are the same. */
  take(framesMax: number, bytesMax: number): readonly UpstreamFrame[] {
    let bytes = 0;
    if (this.#taken === 0) {
      for (const frame of this.#frames) {
        bytes += frame.bytes;
        if (this.#taken > 0 && (this.#taken === framesMax || bytes > bytesMax)) break;
        this.#taken += 1;
      }
    }
    return this.#frames.slice(0, this.#taken);
  }

  /** Nothing is taken: the next take may be a smaller one. */
  release(): void {
    this.#taken = 0;
  }

  /** The taken ones are durable, or refused. */
  settle(): void {
    const settled = this.#frames.slice(0, this.#taken);
    this.#frames = this.#frames.slice(this.#taken);
    this.#bytes -= settled.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#taken = 0;
  }
}
