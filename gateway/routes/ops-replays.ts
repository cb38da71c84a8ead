/** /ops/replays: start a replay of the log, see how far it is, pause, resume and cancel it. What a replay does is workflows/replay/'s. */
import { Hono } from "hono";
import type { Context } from "hono";
import { ulid } from "ulid";
import { z } from "zod";
import { pageLimitDefault, pageLimitMax } from "../../schemas/limits.ts";
import { replayBodyBytesMax } from "../../schemas/limits-replay.ts";
import { ReplayId, replayStates } from "../../schemas/replay.ts";
import type { ReplayRow } from "../../schemas/replay.ts";
import { AppError } from "../../platform/errors.ts";
import { logInfo } from "../../platform/log.ts";
import { listReplays } from "../../stores/replays.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { ReplayBody, specOf } from "../replays/body.ts";
import { cancelReplay, getReplay, pauseReplay, replayList, resumeReplay, startReplay } from "../replays/control.ts";
import { shownReplay } from "../replays/show.ts";
import { identify } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { record } from "../security/change-config.ts";
import type { AuditAction } from "../../schemas/audit.ts";

type OpsContext = Context<GatewayEnv>;

const noStore = { "cache-control": "no-store" };

export const ReplayQuery = z.object({
  state: z.enum(replayStates, `must be one of ${replayStates.join(", ")}`).optional(),
  limit: wholeNumber(1, pageLimitMax).default(pageLimitDefault),
  cursor: Cursor.optional(),
});

const ReplayCursor = z.object({ v: z.literal(1), id: ReplayId });

export function replayRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .get("/ops/replays", (c) => answerReplays(c))
    .post("/ops/replays", (c) => orderReplay(c, clock()))
    .get("/ops/replays/:id", async (c) => answer(c, await getReplay(c.env, idOf(c))))
    .post("/ops/replays/:id/pause", (c) => change(c, "replay.paused", (id) => pauseReplay(c.env, id, clock())))
    .post("/ops/replays/:id/resume", (c) => change(c, "replay.resumed", (id) => resumeReplay(c.env, id, clock())))
    .delete("/ops/replays/:id", (c) => change(c, "replay.cancelled", (id) => cancelReplay(c.env, id, clock())));
}

async function answerReplays(c: OpsContext): Promise<Response> {
  const { state, limit, cursor } = parseQuery(ReplayQuery, new URL(c.req.url).searchParams);
  const before = cursor === undefined ? undefined : decodeCursor(ReplayCursor, cursor).id;
  const { rows, more } = await ask(listReplays(c.env, { state, limit, before }), replayList);
  const last = rows.at(-1);
  const next = more && last !== undefined ? encodeCursor({ v: 1, id: last.id }) : undefined;
  return c.json(success(rows.map(shownReplay), pageOf(limit, next)), 200, noStore);
}

async function orderReplay(c: OpsContext, nowMs: number): Promise<Response> {
  const spec = specOf(await readJson(c.req.raw, ReplayBody, replayBodyBytesMax), nowMs);
  const id = ulid(nowMs).toLowerCase();
  const actor = await onRecord(c, { action: "replay.started", id, details: { mode: spec.mode, streams: spec.streams.join(" ") } });
  const row = await startReplay(c.env, { id, spec, requestedBy: actor, nowMs });
  logInfo("replay.started", { id, mode: spec.mode });
  return answer(c, row, 202);
}

async function change(c: OpsContext, action: AuditAction, work: (id: string) => Promise<ReplayRow>): Promise<Response> {
  const id = idOf(c);
  // Of what does not exist there is nothing to record.
  const { state, spec } = await getReplay(c.env, id);
  await onRecord(c, { action, id, details: { mode: spec.mode, state } });
  return answer(c, await work(id));
}

function answer(c: OpsContext, row: ReplayRow, status: 200 | 202 = 200): Response {
  return c.json(success(shownReplay(row)), status, noStore);
}

interface Recorded {
  readonly action: AuditAction;
  readonly id: string;
  readonly details: Readonly<Record<string, string>>;
}

/** Who it is, once it is on record. */
async function onRecord(c: OpsContext, { action, id, details }: Recorded): Promise<string> {
  const asked = askedBy(c, await identify(c, Date.now()));
  await record(c, { action, ...asked, subject: id, details });
  return asked.actor;
}

function idOf(c: OpsContext): string {
  const parsed = ReplayId.safeParse(c.req.param("id"));
  if (parsed.success) return parsed.data;
  throw new AppError("INVALID_PARAMETERS", `id: ${parsed.error.issues[0]?.message ?? "invalid"}`, { details: { parameter: "id" } });
}
