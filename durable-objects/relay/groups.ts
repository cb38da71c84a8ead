/** A group is everybody who gets the same frames: one channel, one filter, one dialect. Frames are rendered once per group and flush. */
import { isUnfiltered, matches, type Filters } from "../../channels/filter.ts";
import type { LegacyView, Rendered, Rendering } from "../../channels/dialects/dialect.ts";
import { dialects, type DialectName } from "../../channels/dialects/index.ts";
import type { LiveEvent } from "../../channels/dialects/live-event.ts";
import { legacyEventsBurst, legacyEventsPerSecond } from "./bounds.ts";
import type { Connection } from "./connection.ts";
import { mayConflate, Rate } from "./flow.ts";
import { Lane, type Run } from "./lane.ts";

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
  /** Made when a member is slow for the first time. */
  #lane: Lane<Connection> | undefined;
  /** More came than the view may be shown: all members share what is. */
  isCapped = false;
  /** What an anonymous view is shown at most. */
  readonly #cap: Rate | undefined;

  constructor(id: number, spec: GroupSpec, start: GroupStart) {
    this.id = id;
    this.key = keyOf(spec);
    this.spec = spec;
    this.#prev = start.prev;
    this.#told = start.position;
    // Whether members were told before the object slept is not known: the next burst tells them.
    this.#toldAtMs = start.woken ? 0 : start.nowMs;
    this.#announce = start.woken && isFiltered(spec);
    if (spec.dialect === "legacy") this.#cap = new Rate({ perSecond: legacyEventsPerSecond, burst: legacyEventsBurst });
  }

  /** The previous matching offset or one after it: since then, nothing here was for this view. */
  get prev(): number {
    return this.#prev;
  }

  get name(): string {
    return nameOf(this.spec);
  }

  /** What of a flush is for the members; undefined when nothing is. */
  take({ epoch, events, shownOf }: Flush, nowMs: number): Run | undefined {
    const matching = isFiltered(this.spec) ? events.filter((event) => belongs(this.spec, event)) : events;
    const last = matching.at(-1);
    if (last === undefined) return undefined;
    const { name: channel, spec } = this;
    const lane = this.#lane;
    const shown = lane === undefined ? shownOf : (event: LiveEvent): number => lane.shownAt(shownOf(event));
    const run = { channel, epoch, events: matching, prev: this.#prev, announce: this.#announce, view: spec.view, shownOf: shown };
    this.#announce = false;
    this.#prev = last.offset;
    this.#told = last.offset;
    this.#toldAtMs = nowMs;
    return run;
  }

  /** Undefined when nothing of the run is for this dialect. */
  render(run: Rendering): Rendered | undefined {
    return dialects[this.spec.dialect].render(run);
  }

  /** Whether this run is more than the view may be shown in this time; what is within is taken from what is left. */
  exceedsCap({ events }: Run, nowMs: number): boolean {
    return !this.isCapped && this.#cap !== undefined && !this.#cap.take(events.length, nowMs);
  }

  /** Whether the member gets its news from the slow lane. */
  holdsBack(member: Connection, isSlow: boolean): boolean {
    const wants = isSlow || this.isCapped;
    if (this.#lane === undefined) {
      if (!wants || !mayConflate(this.spec.stream)) return false;
      this.#lane = new Lane();
    }
    return this.#lane.holds(member, wants);
  }

  get lane(): Lane<Connection> | undefined {
    return this.#lane;
  }

  /** What waits in the slow lane, and for whom. */
  drain(nowMs: number): { readonly rendered: Rendered; readonly members: readonly Connection[]; readonly end: number } | undefined {
    const drained = this.#lane?.close(this.isCapped ? this.#cap?.left(nowMs) : undefined);
    if (drained === undefined) return undefined;
    const { run, members } = drained;
    if (this.isCapped) this.#cap?.take(run.events.length, nowMs);
    this.isCapped = false;
    const end = run.sparse?.end ?? run.prev;
    return { rendered: this.render(run) ?? this.#renderLeap(run.prev, end), members, end };
  }

  /** All that came was stale. */
  #renderLeap(from: number, end: number): Rendered {
    const text = end > from ? dialects[this.spec.dialect].position(this.name, end) : undefined;
    return () => (text === undefined ? [] : [text]);
  }

  /** A `position` frame when the stream went on without a matching event for a while, so that recovery need not reach far back. */
  renderIdle(position: number, nowMs: number, afterMs: number): string | undefined {
    if (position <= this.#told || nowMs - this.#toldAtMs < afterMs) return undefined;
    this.#told = position;
    this.#toldAtMs = nowMs;
    return dialects[this.spec.dialect].position(this.name, position);
  }
}
