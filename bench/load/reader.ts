/** What one subscriber makes of its frames, without parsing them: how many events, how late each, and, where frames carry positions,
 *  whether any is missing or out of order. Pure but for its counters. */
import { eventMarker, stampDigits } from "./event.ts";
import { newHistogram, record, type Histogram } from "./histogram.ts";

/** Shared by all readers of a thread. */
export class Tally {
  delivered = 0;
  /** Events whose `prev` lies beyond what the subscriber had. */
  holes = 0;
  /** Events at or before a position that the subscriber had already. */
  disordered = 0;
  lag: Histogram = newHistogram();
}

export interface ReaderOptions {
  readonly hasPositions: boolean;
  /** Events from before belong to an earlier run, whose server was behind. */
  readonly sinceMicros: number;
}

const marker = Buffer.from(eventMarker);
const comma = 0x2c;
const zero = 0x30;

export class EventReader {
  readonly #tally: Tally;
  readonly #options: ReaderOptions;
  /** Not known before the first event: that one may follow anything. */
  #last: number | undefined;
  delivered = 0;

  constructor(tally: Tally, options: ReaderOptions) {
    this.#tally = tally;
    this.#options = options;
  }

  read(text: Buffer, nowMicros: number): void {
    for (let at = text.indexOf(marker); at >= 0; at = text.indexOf(marker, at + marker.length)) {
      if (this.#options.hasPositions) this.#follow(text, at);
      const stamp = digitsFrom(text, at + marker.length, stampDigits);
      if (stamp < this.#options.sinceMicros) continue;
      this.delivered += 1;
      this.#tally.delivered += 1;
      record(this.#tally.lag, nowMicros - stamp);
    }
  }

  /** Native frames say `…"offset":7,"prev":4,"id":…`: read backwards from the id. */
  #follow(text: Buffer, at: number): void {
    const prevAt = digitsBefore(text, at - 2);
    const prev = digitsFrom(text, prevAt, at - 1 - prevAt);
    const offsetEnd = prevAt - ',"prev":'.length;
    const offsetAt = digitsBefore(text, offsetEnd - 1);
    const offset = digitsFrom(text, offsetAt, offsetEnd - offsetAt);
    if (text[at - 1] !== comma || offset <= prev) throw new Error(`no positions in ${text.toString("utf8", 0, 300)}`);
    const last = this.#last ?? prev;
    if (prev > last) this.#tally.holes += 1;
    if (offset <= last) this.#tally.disordered += 1;
    this.#last = offset;
  }
}

function digitsFrom(text: Buffer, start: number, length: number): number {
  let value = 0;
  for (let at = start; at < start + length; at++) value = value * 10 + (text[at] ?? 0) - zero;
  return value;
}

/** Where the run of digits that ends at `end` begins. */
function digitsBefore(text: Buffer, end: number): number {
  let at = end;
  while (at >= 0 && (text[at] ?? 0) >= zero && (text[at] ?? 0) <= zero + 9) at -= 1;
  return at + 1;
}
