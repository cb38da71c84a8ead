/** What POST /ops/replays takes, and the order that it makes. */
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { eventTypes } from "../../schemas/event.ts";
import { idCharsMax } from "../../schemas/limits.ts";
import { replayEntitiesMax, replayEventsPerSecond, replayEventsPerSecondMax, replayWindowMsMax } from "../../schemas/limits-replay.ts";
import { replayModes, ReplayPace } from "../../schemas/replay.ts";
import type { ReplaySpec } from "../../schemas/replay.ts";
import { TimeMs } from "../http/parameters.ts";
import { LogStream, requireWindow } from "../routes/ops-logs.ts";

const typeNames = Object.keys(eventTypes);
const EventTypeName = z.string().refine((name) => typeNames.includes(name), `must be one of ${typeNames.join(", ")}`);
const rateRule = `must be a whole number from 1 to ${replayEventsPerSecondMax}`;
const countRule = "must be a whole number of at least 1";
const notEmpty = "must not be empty";

export const ReplayBody = z
  .strictObject({
    mode: z.enum(replayModes, `must be one of ${replayModes.join(", ")}`),
    streams: z.array(LogStream, "must list streams").min(1, "must name at least one").max(64, "at most 64"),
    from: TimeMs,
    /** Exclusive; what is still to come is not waited for. */
    to: TimeMs,
    types: z.array(EventTypeName).min(1, notEmpty).max(typeNames.length, `at most ${typeNames.length}`).optional(),
    entities: z
      .array(z.string().min(1, notEmpty).max(idCharsMax, `at most ${idCharsMax} characters`))
      .min(1, notEmpty)
      .max(replayEntitiesMax, `at most ${replayEntitiesMax}`)
      .optional(),
    pace: ReplayPace.default("instant"),
    events_per_second_max: z.int(rateRule).min(1, rateRule).max(replayEventsPerSecondMax, rateRule).optional(),
    verify: z.boolean("must be true or false").default(false),
    delivery_limit: z.int(countRule).min(1, countRule).optional(),
  })
  .refine(({ mode, verify }) => mode === "rebuild" || !verify, { error: "is for mode rebuild", path: ["verify"] });
export type ReplayBody = z.output<typeof ReplayBody>;

/** Throws INVALID_PARAMETERS naming `from` or `to`. A window that reaches beyond now ends now. */
export function specOf(body: ReplayBody, nowMs: number): ReplaySpec {
  const { mode, streams, from, types, entities, pace, events_per_second_max: perSecond, verify, delivery_limit: deliveryLimit } = body;
  if (from >= nowMs) throw new AppError("INVALID_PARAMETERS", "from: lies in the future", { details: { parameter: "from" } });
  const to = Math.min(body.to, nowMs);
  requireWindow({ from, to }, replayWindowMsMax);
  return {
    v: 1,
    mode,
    streams: [...new Set(streams)].sort(),
    fromMs: from,
    toMs: to,
    ...(types === undefined ? {} : { types: [...new Set(types)] }),
    ...(entities === undefined ? {} : { entities: [...new Set(entities)] }),
    pace,
    eventsPerSecondMax: perSecond ?? (mode === "dry-run" ? replayEventsPerSecondMax : replayEventsPerSecond),
    verify,
    ...(deliveryLimit === undefined ? {} : { deliveryLimit }),
  };
}
