/** A replay as operators see it: rates, percent and the time that is left follow from how far it is. Pure. */
import { factorOf } from "../../schemas/replay.ts";
import type { Replay, ReplayRow } from "../../schemas/replay.ts";

export function shownReplay(row: ReplayRow): Replay {
  const { id, state, wanted, spec, checkpoint, result, error } = row;
  const { mode, streams, types, entities, pace, verify, deliveryLimit } = spec;
  const { position } = checkpoint;
  return {
    id,
    mode,
    state,
    ...(wanted === undefined ? {} : { wanted }),
    streams,
    from: iso(spec.fromMs),
    to: iso(spec.toMs),
    ...(types === undefined ? {} : { types }),
    ...(entities === undefined ? {} : { entities }),
    pace,
    events_per_second_max: spec.eventsPerSecondMax,
    ...(mode === "rebuild" ? { verify } : {}),
    ...(deliveryLimit === undefined ? {} : { delivery_limit: deliveryLimit }),
    ...(mode === "channel" ? { channel: `replay:${id}` } : {}),
    ...(position === undefined ? {} : { position: { ...position, at: iso(position.at) } }),
    progress: progressOf(row),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    created_at: iso(row.createdMs),
    ...(row.startedMs === undefined ? {} : { started_at: iso(row.startedMs) }),
    ...(row.endedMs === undefined ? {} : { ended_at: iso(row.endedMs) }),
    requested_by: row.requestedBy,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function progressOf({
  state,
  touchedMs,
  spec,
  checkpoint,
}: Pick<ReplayRow, "state" | "touchedMs" | "spec" | "checkpoint">): Replay["progress"] {
  const { read, matched, sent, total, since } = checkpoint;
  const counts = { read, matched, sent, ...(total === undefined ? {} : { total }) };
  if (state === "done") return { ...counts, percent: 100 };
  const percent = total === undefined || total === 0 ? {} : { percent: rounded(Math.min(99.9, (100 * read) / total)) };
  if (state !== "running" || since === undefined || touchedMs <= since.wallMs) return { ...counts, ...percent };
  const rate = ((read - since.read) * 1_000) / (touchedMs - since.wallMs);
  return { ...counts, ...percent, rate_per_second: rounded(rate), ...etaOf({ rate, spec, checkpoint }) };
}

/** By what is left to read, or by the clock of the log where that is slower. */
function etaOf({ rate, spec, checkpoint }: Pick<ReplayRow, "spec" | "checkpoint"> & { readonly rate: number }): { eta_seconds?: number } {
  const { read, total, position } = checkpoint;
  const factor = factorOf(spec.pace) ?? Number.POSITIVE_INFINITY;
  const byClock = position === undefined || !Number.isFinite(factor) ? 0 : (spec.toMs - position.at) / factor / 1_000;
  if (total === undefined || rate <= 0) return byClock > 0 ? { eta_seconds: Math.ceil(byClock) } : {};
  return { eta_seconds: Math.ceil(Math.max(byClock, Math.max(0, total - read) / rate)) };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
