/** The manifest that follows from what a compaction wrote. Pure, and without a clock: the same content gives the same bytes. */
import { manifestMissingMax } from "../schemas/limits.ts";
import type { Manifest, Quarantined } from "../schemas/manifest.ts";
import type { Span, WrittenPart } from "./compaction.ts";
import { readableObjects } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { PositionTracker } from "./event-log-coverage.ts";
import { nameOf } from "./event-log-sources.ts";
import { startOfHour } from "./event-log.ts";
import type { StreamHour } from "./log-manifest.ts";

export interface ManifestContent {
  readonly plan: CompactionPlan;
  readonly written: readonly WrittenPart[];
  /** Set aside by this compaction. */
  readonly quarantined: readonly Quarantined[];
}

export function manifestOf({ stream, hour }: StreamHour, { plan, written, quarantined }: ManifestContent): Manifest {
  const tracker = new PositionTracker(manifestMissingMax);
  for (const { part, missing, missingPositions } of written) {
    tracker.admitRange(part);
    for (const range of missing) tracker.miss(range, 0);
    tracker.missingPositions += missingPositions;
  }
  const sum = (value: (part: WrittenPart) => number): number => written.reduce((total, part) => total + value(part), 0);
  const skip = new Set(quarantined.map(({ key }) => key));
  const read = readableObjects(plan, skip).map(({ key }) => nameOf(key));
  return {
    v: 1,
    columns: 1,
    stream,
    hour: new Date(startOfHour(hour)).toISOString(),
    generation: (plan.before?.manifest.generation ?? 0) + 1,
    events: sum(({ part }) => part.events),
    copies: sum(({ copies }) => copies),
    conflicts: sum(({ conflicts }) => conflicts),
    repeats: sum(({ part }) => part.repeats),
    epochs: [...tracker.epochs],
    missing: [...tracker.missing].sort(byPosition),
    missing_positions: tracker.missingPositions,
    sequenced: instants(written.map(({ sequenced }) => sequenced)),
    event_time: instants(written.flatMap(({ eventTime }) => eventTime ?? [])),
    bytes: sum(({ part }) => part.bytes),
    text_bytes: sum(({ part }) => part.text_bytes),
    parts: written.map(({ part }) => part),
    sources: [...new Set([...(plan.before?.manifest.sources ?? []), ...read])].sort().filter((name) => !isAside(name, skip)),
    quarantined: [...stillAside(plan), ...quarantined],
  };
}

function byPosition(a: { epoch: string; first: number }, b: { epoch: string; first: number }): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.first - b.first;
}

/** A raw object that an earlier generation read and this one could not: it is read no more, and must not be deleted as a source. */
function isAside(name: string, skip: ReadonlySet<string>): boolean {
  return [...skip].some((key) => nameOf(key) === name);
}

/** What an earlier generation set aside and nobody has repaired or deleted since. */
function stillAside({ raw, before }: CompactionPlan): Quarantined[] {
  const present = new Set(raw.map(({ key, etag }) => `${key} ${etag}`));
  return (before?.manifest.quarantined ?? []).filter(({ key, etag }) => present.has(`${key} ${etag}`));
}

function instants(spans: readonly Span[]): { from: string; to: string } | null {
  if (spans.length === 0) return null;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { from: iso(Math.min(...spans.map(({ fromMs }) => fromMs))), to: iso(Math.max(...spans.map(({ toMs }) => toMs))) };
}
