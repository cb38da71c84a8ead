/** A group is everybody who gets the same frames: one channel, one filter, one dialect. Frames are rendered once per group and flush. */
import { isUnfiltered, matches, type Filters } from "../../channels/filter.ts";
import type { LegacyView, Rendered } from "../../channels/dialects/dialect.ts";
import { dialects, type DialectName } from "../../channels/dialects/index.ts";
import type { LiveEvent } from "../../channels/dialects/live-event.ts";
import type { Connection } from "./connection.ts";

export interface GroupSpec {
  /** Its own name, aliases resolved. */
  readonly channel: string;
  /** The name frames carry, where the dialect keeps the one the client gave. */
  readonly alias?: string;
  readonly stream: string;
  readonly dialect: DialectName;
  /** The chain view the channel names. */
  readonly chain?: string;
  readonly filters: Filters;
  /** Legacy only. */
  readonly view?: LegacyView;
}

/** Equal specs have equal keys: filters are normalised, fields are written in one order. */
export function keyOf({ channel, alias, stream, dialect, chain, filters, view }: GroupSpec): string {
  return JSON.stringify({ channel, alias, stream, dialect, chain, filters, view });
}

/** What a connection knows the subscription by. */
export function nameOf({ channel, alias }: GroupSpec): string {
  return alias ?? channel;
}

/** What a flush brings for every group of a stream. */
export interface Flush {
  readonly epoch: string;
  readonly events: readonly LiveEvent[];
  shownOf(event: LiveEvent): number;
}

/** The same for all who are shown the same events, in whatever dialect. */
export function viewKeyOf({ stream, chain, filters }: GroupSpec): string {
  return JSON.stringify({ stream, chain, filters });
}

export function isFiltered({ chain, filters }: GroupSpec): boolean {
  return chain !== undefined || !isUnfiltered(filters);
}

export function belongs({ chain, filters }: GroupSpec, event: LiveEvent): boolean {
  if (chain !== undefined && event.data["chain"] !== chain) return false;
  return isUnfiltered(filters) || matches(filters, event.data);
}

export interface GroupStart {
  /** Up to here the members were sent everything. */
  readonly position: number;
  /** After it, up to `position`, nothing was for this view. */
  readonly prev: number;
  readonly nowMs: number;
  /** Made anew after the object slept. */
  readonly woken: boolean;
}

export class Group {
  readonly id: number;
  readonly key: string;
  readonly spec: GroupSpec;
  readonly members = new Set<Connection>();
  /** The previous matching offset, or the position at which the group was made. */
  #prev: number;
  /** After a wake the previous matching offset is not known, only that everything up to `prev` was sent: a `position` frame says so. */
  #announce: boolean;
  /** What members know at least: the greatest offset a frame or `position` told them all. */
  #told: number;
  #toldAtMs: number;

  constructor(id: number, spec: GroupSpec, start: GroupStart) {
    this.id = id;
    this.key = keyOf(spec);
    this.spec = spec;
    this.#prev = start.prev;
    this.#told = start.position;
    // Whether members were told before the object slept is not known: the next burst tells them.
    this.#toldAtMs = start.woken ? 0 : start.nowMs;
    this.#announce = start.woken && isFiltered(spec);
  }

  /** The previous matching offset or one after it: since then, nothing here was for this view. */
  get prev(): number {
    return this.#prev;
  }

  get name(): string {
    return nameOf(this.spec);
  }

  /** A flush for the members, undefined when nothing of it is for them. */
  render({ epoch, events, shownOf }: Flush, nowMs: number): Rendered | undefined {
    const matching = isFiltered(this.spec) ? events.filter((event) => belongs(this.spec, event)) : events;
    const last = matching.at(-1);
    if (last === undefined) return undefined;
    const { name: channel, spec } = this;
    const run = { channel, epoch, events: matching, prev: this.#prev, announce: this.#announce, view: spec.view, shownOf };
    const rendered = dialects[spec.dialect].render(run);
    this.#announce = false;
    this.#prev = last.offset;
    this.#told = last.offset;
    this.#toldAtMs = nowMs;
    return rendered;
  }

  /** A `position` frame when the stream went on without a matching event for a while, so that recovery need not reach far back. */
  renderIdle(position: number, nowMs: number, afterMs: number): string | undefined {
    if (position <= this.#told || nowMs - this.#toldAtMs < afterMs) return undefined;
    this.#told = position;
    this.#toldAtMs = nowMs;
    return dialects[this.spec.dialect].position(this.name, position);
  }
}
