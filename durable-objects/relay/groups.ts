/** A group is everybody who gets the same frames: one channel, one filter, one dialect. Frames are rendered once per group and flush. */
import { isUnfiltered, matches, type Filters } from "../../channels/filter.ts";
import { renderLegacy, type LegacyFrame, type LegacyView } from "../../channels/dialects/legacy.ts";
import type { LiveEvent } from "../../channels/dialects/live-event.ts";
import { renderPosition, renderRun } from "../../channels/dialects/native.ts";
import type { Connection } from "./connection.ts";

export interface GroupSpec {
  readonly channel: string;
  readonly stream: string;
  readonly dialect: "native" | "legacy";
  /** The chain view the channel names. */
  readonly chain?: string;
  readonly filters: Filters;
  /** Legacy only. */
  readonly view?: LegacyView;
}

/** Equal specs have equal keys: filters are normalised, fields are written in one order. */
export function keyOf({ channel, stream, dialect, chain, filters, view }: GroupSpec): string {
  return JSON.stringify({ channel, stream, dialect, chain, filters, view });
}

export function isFiltered({ chain, filters }: GroupSpec): boolean {
  return chain !== undefined || !isUnfiltered(filters);
}

export function belongs({ chain, filters }: GroupSpec, event: LiveEvent): boolean {
  if (chain !== undefined && event.data["chain"] !== chain) return false;
  return isUnfiltered(filters) || matches(filters, event.data);
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

  constructor(id: number, spec: GroupSpec, start: { readonly position: number; readonly nowMs: number; readonly woken: boolean }) {
    this.id = id;
    this.key = keyOf(spec);
    this.spec = spec;
    this.#prev = start.position;
    this.#told = start.position;
    // Whether members were told before the object slept is not known: the next burst tells them.
    this.#toldAtMs = start.woken ? 0 : start.nowMs;
    this.#announce = start.woken && isFiltered(spec);
  }

  /** Native frames of a flush, in order. */
  renderNative(epoch: string, events: readonly LiveEvent[], nowMs: number): string[] {
    const matching = isFiltered(this.spec) ? events.filter((event) => belongs(this.spec, event)) : events;
    const last = matching.at(-1);
    if (last === undefined) return [];
    const frames = renderRun({ channel: this.spec.channel, epoch }, matching, this.#prev);
    if (this.#announce) frames.unshift(renderPosition(this.spec.channel, this.#prev));
    this.#announce = false;
    this.#prev = last.offset;
    this.#told = last.offset;
    this.#toldAtMs = nowMs;
    return frames;
  }

  /** Legacy frames of a flush. `shownOf` tells the offset of the entity's previous event that was shown. */
  renderLegacy(events: readonly LiveEvent[], shownOf: (event: LiveEvent) => number): LegacyFrame[] {
    return events.flatMap((event) => renderLegacy(event, this.spec.view ?? "redacted", shownOf(event)) ?? []);
  }

  /** A `position` frame when the stream went on without a matching event for a while, so that recovery need not reach far back. */
  renderIdle(position: number, nowMs: number, afterMs: number): string | undefined {
    if (this.spec.dialect === "legacy" || position <= this.#told || nowMs - this.#toldAtMs < afterMs) return undefined;
    this.#told = position;
    this.#toldAtMs = nowMs;
    return renderPosition(this.spec.channel, position);
  }
}
