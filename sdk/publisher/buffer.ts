/** Events waiting for their batch, taken in order, as many as one request may hold. Pure data: the clock is an argument, the bound on what
 *  waits is the publisher's. */

export interface Sized {
  readonly bytes: number;
}

export interface BatchBounds {
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  /** A batch that is not full goes out when its first event has waited this long. */
  readonly lingerMs: number;
}

export class BatchBuffer<T extends Sized> {
  readonly #bounds: BatchBounds;
  #items: { readonly item: T; readonly atMs: number }[] = [];
  #bytes = 0;

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(item: T, nowMs: number): void {
    this.#items.push({ item, atMs: nowMs });
    this.#bytes += item.bytes + separatorBytes;
  }

  /** How long until a batch should go out: 0 at once, undefined when nothing waits. */
  dueInMs(nowMs: number): number | undefined {
    const [first] = this.#items;
    if (first === undefined) return undefined;
    const { batchEventsMax, batchBytesMax, lingerMs } = this.#bounds;
    if (this.#items.length >= batchEventsMax || this.#bytes >= batchBytesMax) return 0;
    return Math.max(0, first.atMs + lingerMs - nowMs);
  }

  /** The leading events that fit into one batch; at least one. */
  take(): T[] {
    const { batchEventsMax, batchBytesMax } = this.#bounds;
    let bytes = 0;
    let count = 0;
    for (const { item } of this.#items) {
      bytes += item.bytes + separatorBytes;
      if (count > 0 && (count === batchEventsMax || bytes > batchBytesMax)) break;
      count += 1;
    }
    const taken = this.#items.slice(0, count).map(({ item }) => item);
    this.#items = this.#items.slice(count);
    this.#bytes -= taken.reduce((sum, item) => sum + item.bytes + separatorBytes, 0);
    return taken;
  }
}

/** The comma or bracket each event brings into the array. */
const separatorBytes = 1;
