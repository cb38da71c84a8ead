/** GET /ops/logs/hours: in which state each hour of a stream's log is, what was set aside, what is held. POST: look at an hour again. */
import type { Context } from "hono";
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { logInfo } from "../../platform/log.ts";
import { listHolds } from "../../stores/compaction-holds.ts";
import { lastCompactable, markByHand } from "../../stores/compaction-hours.ts";
import { reportHours } from "../../stores/event-log-hours.ts";
import { listQuarantine } from "../../stores/event-log-quarantine.ts";
import { hourOf, startOfHour } from "../../stores/event-log.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { TimeMs } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import { shownHold } from "./ops-log-holds.ts";
import { LogStream, requireWindow } from "./ops-logs.ts";

type OpsContext = Context<{ Bindings: Env }>;

/** A week of hours is 168 manifests to read. */
export const hoursWindowMsMax = 7 * 24 * 3_600_000;
/** Objects set aside that are listed; more than a few are an outage of their own. */
const quarantineMax = 1_000;
/** A week over a slow connection to R2. */
const timeoutMs = 20_000;
const bodyBytesMax = 1_024;
const noStore = { "cache-control": "no-store" };

export const LogHoursQuery = z.object({ stream: LogStream, from: TimeMs, to: TimeMs.optional() });
export const LogHourBody = z.strictObject({ stream: LogStream, hour: TimeMs });

export async function answerLogHours(c: OpsContext, nowMs: number): Promise<Response> {
  const { stream, from, to = nowMs } = parseQuery(LogHoursQuery, new URL(c.req.url).searchParams);
  requireWindow({ from, to }, hoursWindowMsMax);
  const [report, quarantine, holds] = await Promise.all([
    ask(reportHours(c.env, { stream, from, to }), { what: "log", timeoutMs }),
    ask(listQuarantine(c.env.EDGE_LOGS, stream, quarantineMax), { what: "quarantine", timeoutMs }),
    ask(listHolds(c.env.EDGE_LOGS), { what: "holds", timeoutMs }),
  ]);
  const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());
  return c.json(
    success({
      stream,
      ...report,
      quarantine: quarantine.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })),
      holds: holds.map(shownHold),
    }),
    200,
    noStore,
  );
}

/** The next cron compacts it, if it holds anything that its manifest does not. */
export async function markLogHour(c: OpsContext, nowMs: number): Promise<Response> {
  const body = await readJson(c.req.raw, LogHourBody, bodyBytesMax);
  const hour = hourOf(body.hour);
  if (hour > lastCompactable(nowMs))
    throw new AppError("INVALID_PARAMETERS", "hour: is not over for long enough to be compacted", { details: { parameter: "hour" } });
  await ask(markByHand(c.env.METRICS_DB, { stream: body.stream, hour }, nowMs), { what: "log" });
  logInfo("ops.logs.marked", { stream: body.stream, hour });
  return c.json(success({ stream: body.stream, hour: new Date(startOfHour(hour)).toISOString() }), 202, noStore);
}
