/** Whether the log is whole: every position between the first and the last of each epoch once, every line an event, every compacted hour with
 *  as many events as its manifest promises. Pure. */
import type { Coverage, Hours, LoggedLine, Range, ReadHour } from "./log-reading.ts";

export interface EpochRange extends Range {
  readonly events: number;
}

export interface Verdict {
  readonly ok: boolean;
  readonly stream: string;
  readonly events: number;
  readonly epochs: readonly EpochRange[];
  readonly missing_positions: number;
  /** The first of them. */
  readonly missing: readonly Range[];
  /** Lines that are no event, or say two things of one position. */
  readonly corrupt: readonly string[];
  readonly quarantined: readonly { readonly key: string; readonly reason: string }[];
  /** Copies of a position, equal to the first: at-least-once delivery, not a fault. */
  readonly copies: number;
  /** Accepted by the stream and not in this window of the log yet; not a fault. */
  readonly not_yet_logged?: number;
}

const listedMax = 20;

export class Verifier {
  #epochs: EpochRange[] = [];
  #missing: Range[] = [];
  #missingPositions = 0;
  #corrupt: string[] = [];
  #corruptions = 0;
  #copies = 0;
  #hourEvents = 0;
  readonly #quarantined = new Map<string, Coverage["quarantined"][number]>();

  get events(): number {
    return this.#epochs.reduce((sum, { events }) => sum + events, 0);
  }

  line({ epoch, offset, text }: LoggedLine): void {
    this.#hourEvents += 1;
    this.#admit(epoch, offset);
    if (!isEventLine(text)) this.corrupt(`${epoch}:${offset} is no event`);
  }

  corrupt(what: string): void {
    this.#corruptions += 1;
    if (this.#corrupt.length < listedMax) this.#corrupt.push(what.slice(0, 200));
  }

  hour({ hour, whole, coverage }: ReadHour): void {
    const { copies, conflicts, quarantined } = coverage;
    this.#copies += copies;
    if (conflicts > 0) this.corrupt(`${hour.hour}: ${conflicts} copies say something else than the first`);
    for (const one of quarantined) this.#quarantined.set(one.key, one);
    const promised = hour.state === "compacted" ? hour.manifest?.events : undefined;
    if (whole && promised !== undefined && promised !== this.#hourEvents)
      this.corrupt(`${hour.hour}: its manifest promises ${promised} events, it holds ${this.#hourEvents}`);
    this.#hourEvents = 0;
  }

  verdict(stream: string, top: { readonly epoch: string; readonly offset: number } | undefined): Verdict {
    const last = this.#epochs.at(-1);
    const quarantined = [...this.#quarantined.values()].slice(0, listedMax);
    return {
      ok: this.#missingPositions === 0 && this.#corruptions === 0 && quarantined.length === 0,
      stream,
      events: this.events,
      epochs: this.#epochs,
      missing_positions: this.#missingPositions,
      missing: this.#missing,
      corrupt: this.#corrupt,
      quarantined,
      copies: this.#copies,
      ...(top === undefined || last?.epoch !== top.epoch ? {} : { not_yet_logged: Math.max(0, top.offset - last.last) }),
    };
  }

  #admit(epoch: string, offset: number): void {
    const last = this.#epochs.at(-1);
    if (last?.epoch !== epoch) {
      this.#epochs.push({ epoch, first: offset, last: offset, events: 1 });
      return;
    }
    if (offset > last.last + 1) {
      this.#missingPositions += offset - last.last - 1;
      if (this.#missing.length < listedMax) this.#missing.push({ epoch, first: last.last + 1, last: offset - 1 });
    }
    this.#epochs[this.#epochs.length - 1] = { ...last, last: offset, events: last.events + 1 };
  }
}

/** What is not JSON is kept in the log in quotes. */
function isEventLine(text: string): boolean {
  try {
    const { event } = JSON.parse(text) as { event?: unknown };
    return typeof event === "object" && event !== null && "id" in event && "type" in event && "data" in event;
  } catch {
    return false;
  }
}

/** Holes that the hours tell of without being read. */
export function countMissing({ missing }: Pick<Hours, "missing">): number {
  return missing.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
