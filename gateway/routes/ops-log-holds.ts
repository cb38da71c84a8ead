/** /ops/logs/holds: legal holds on the log. What a hold covers is not deleted, neither by grace nor by retention, until it is released. */
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { deleteHold, findHold, listHolds, putHold } from "../../stores/compaction-holds.ts";
import type { NamedHold } from "../../stores/compaction-holds.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { TimeMs } from "../http/parameters.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { identify } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { record } from "../security/change-config.ts";
import { LogStream } from "./ops-logs.ts";

type OpsContext = Context<GatewayEnv>;

const bodyBytesMax = 4_096;
const store = { what: "holds" };
const noStore = { "cache-control": "no-store" };

/** Becomes the name of an object; 64 as channel names have. */
export const HoldName = z.string().regex(/^[a-z0-9_-]{1,64}$/, "must be 1 to 64 of a-z, 0-9, _ and -");

export const HoldBody = z
  .strictObject({
    reason: z.string().trim().min(1, "must say why").max(256),
    stream: LogStream.optional(),
    from: TimeMs.optional(),
    to: TimeMs.optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, { path: ["to"], message: "must be later than from" });

export function holdRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .get("/ops/logs/holds", (c) => answerHolds(c))
    .put("/ops/logs/holds/:name", (c) => placeHold(c, clock()))
    .delete("/ops/logs/holds/:name", (c) => releaseHold(c, clock()));
}

async function answerHolds(c: OpsContext): Promise<Response> {
  return c.json(success((await ask(listHolds(c.env.EDGE_LOGS), store)).map(shownHold)), 200, noStore);
}

async function placeHold(c: OpsContext, nowMs: number): Promise<Response> {
  const name = nameOf(c);
  const { from, to, ...hold } = await readJson(c.req.raw, HoldBody, bodyBytesMax);
  await onRecord(c, nowMs, { action: "log.hold.placed", name, details: { reason: hold.reason, stream: hold.stream ?? "every stream" } });
  const placed: NamedHold = { name, ...hold, from, to };
  await ask(putHold(c.env.EDGE_LOGS, placed), store);
  return c.json(success(shownHold(placed)), 200, noStore);
}

async function releaseHold(c: OpsContext, nowMs: number): Promise<Response> {
  const name = nameOf(c);
  const hold = await ask(findHold(c.env.EDGE_LOGS, name), store);
  if (hold === undefined) throw new AppError("NOT_FOUND", "there is no such hold");
  await onRecord(c, nowMs, { action: "log.hold.released", name, details: { reason: hold.reason } });
  await ask(deleteHold(c.env.EDGE_LOGS, name), store);
  return c.json(success(shownHold(hold)), 200, noStore);
}

interface Decision {
  readonly action: "log.hold.placed" | "log.hold.released";
  readonly name: string;
  readonly details: Readonly<Record<string, string>>;
}

async function onRecord(c: OpsContext, nowMs: number, { action, name, details }: Decision): Promise<void> {
  await record(c, { action, ...askedBy(c, await identify(c, nowMs)), subject: name, details });
}

function nameOf(c: OpsContext): string {
  const parsed = HoldName.safeParse(c.req.param("name"));
  if (!parsed.success)
    throw new AppError("INVALID_PARAMETERS", `name: ${parsed.error.issues[0]?.message}`, { details: { parameter: "name" } });
  return parsed.data;
}

export function shownHold({ from, to, ...hold }: NamedHold): Record<string, unknown> {
  const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());
  return { ...hold, from: iso(from), to: iso(to) };
}
