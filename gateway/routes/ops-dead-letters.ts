/** /ops/dead-letters: what could not be processed, why, and what to do about it: send it again as it is or corrected, or give it up and say why. */
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { AppError, messageOf } from "../../platform/errors.ts";
import { DiscardBody, LetterId, letterStates, redriveBytesMax, RedriveBody, RedriveManyBody } from "../../schemas/dead-letter.ts";
import { pageLimitDefault, pageLimitMax } from "../../schemas/limits.ts";
import { findLetter, listLetters, markLetter } from "../../stores/dead-letter-index.ts";
import { linesOf, readLetter } from "../dead-letters/message.ts";
import { redrive, shownLetter } from "../dead-letters/redrive.ts";
import type { Redriven } from "../dead-letters/redrive.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { identify } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { record } from "../security/change-config.ts";

type OpsContext = Context<GatewayEnv>;

const index = { what: "the dead letters" };
const noStore = { "cache-control": "no-store" };
const orders = ["newest", "oldest"] as const;
const oneOf = (values: readonly string[]): string => `must be one of ${values.join(", ")}`;

export const LetterQuery = z.object({
  state: z.enum(letterStates, oneOf(letterStates)).optional(),
  queue: z.string().min(1, "must not be empty").max(64).optional(),
  order: z.enum(orders, oneOf(orders)).default("newest"),
  limit: wholeNumber(1, pageLimitMax).default(pageLimitDefault),
  cursor: Cursor.optional(),
});

const LetterCursor = z.object({ v: z.literal(1), order: z.enum(orders), parkedMs: z.int(), id: LetterId });

export function deadLetterRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .get("/ops/dead-letters", (c) => answerLetters(c))
    .post("/ops/dead-letters/redrive", (c) => redriveLetters(c, clock()))
    .post("/ops/dead-letters/discard", (c) => discardLetters(c, clock()))
    .get("/ops/dead-letters/:id", (c) => answerLetter(c))
    .post("/ops/dead-letters/:id/redrive", (c) => redriveLetter(c, clock()));
}

async function answerLetters(c: OpsContext): Promise<Response> {
  const { cursor, ...filter } = parseQuery(LetterQuery, new URL(c.req.url).searchParams);
  const after = cursor === undefined ? undefined : decodeCursor(LetterCursor, cursor);
  if (after !== undefined && after.order !== filter.order)
    throw new AppError("INVALID_PARAMETERS", `cursor: was made for order=${after.order}`, { details: { parameter: "cursor" } });
  const { rows, more } = await ask(listLetters(c.env, { ...filter, after }), index);
  const last = rows.at(-1);
  const next = more && last !== undefined ? encodeCursor({ v: 1, order: filter.order, parkedMs: last.parkedMs, id: last.id }) : undefined;
  return c.json(success(rows.map(shownLetter), pageOf(filter.limit, next)), 200, noStore);
}

/** With its events where they can be read, its text where not. */
async function answerLetter(c: OpsContext): Promise<Response> {
  const found = await ask(findLetter(c.env, idOf(c)), index);
  if (found === undefined) throw new AppError("NOT_FOUND", "there is no such dead letter");
  const { row, letter } = found;
  const message = readLetter(letter.body);
  const content = "invalid" in message ? { unreadable: message.invalid, body: letter.body } : { events: linesOf(message).map(asJson) };
  return c.json(success({ ...shownLetter(row), ...content }), 200, noStore);
}

async function redriveLetter(c: OpsContext, nowMs: number): Promise<Response> {
  const correction = await readJson(c.req.raw, RedriveBody, redriveBytesMax);
  const corrected = correction.events !== undefined || correction.body !== undefined;
  await onRecord(c, nowMs, { action: "dead_letters.redriven", ids: [idOf(c)], corrected, comment: correction.comment ?? "" });
  return c.json(success(await redrive(c.env, { id: idOf(c), correction }, nowMs)), 202, noStore);
}

/** One after the other: what fails is listed with its reason and still waits. */
async function redriveLetters(c: OpsContext, nowMs: number): Promise<Response> {
  const { ids, queue, limit } = await readJson(c.req.raw, RedriveManyBody, redriveBytesMax);
  const { rows } = await ask(listLetters(c.env, { state: "kept", queue, limit, order: "oldest" }), index);
  const chosen = ids ?? rows.map(({ id }) => id);
  await onRecord(c, nowMs, { action: "dead_letters.redriven", ids: chosen, corrected: false, comment: "" });
  const redriven: Redriven[] = [];
  const failed: { readonly id: string; readonly reason: string }[] = [];
  for (const id of chosen) {
    try {
      redriven.push(await redrive(c.env, { id, correction: {} }, nowMs));
    } catch (error) {
      failed.push({ id, reason: error instanceof AppError ? error.message : messageOf(error) });
    }
  }
  return c.json(success({ redriven, failed }), 202, noStore);
}

/** It stays in R2 and in the index: given up is not forgotten. */
async function discardLetters(c: OpsContext, nowMs: number): Promise<Response> {
  const { ids, comment } = await readJson(c.req.raw, DiscardBody, redriveBytesMax);
  await onRecord(c, nowMs, { action: "dead_letters.discarded", ids, corrected: false, comment });
  const outcomes = await Promise.all(ids.map(async (id) => ({ id, found: await discard(c, id, nowMs) })));
  const named = (found: boolean): string[] => outcomes.filter((outcome) => outcome.found === found).map(({ id }) => id);
  return c.json(success({ discarded: named(true), unknown: named(false) }), 200, noStore);
}

async function discard(c: OpsContext, id: string, nowMs: number): Promise<boolean> {
  const found = await ask(findLetter(c.env, id), index);
  return found !== undefined && (await ask(markLetter(c.env, found.row, { state: "discarded", nowMs }), index));
}

interface Handling {
  readonly action: "dead_letters.redriven" | "dead_letters.discarded";
  readonly ids: readonly string[];
  readonly corrected: boolean;
  readonly comment: string;
}

async function onRecord(c: OpsContext, nowMs: number, { action, ids, corrected, comment }: Handling): Promise<void> {
  const { actor, ...asked } = askedBy(c, await identify(c, nowMs));
  const [only, ...others] = ids;
  const subject = others.length === 0 ? only : `${ids.length} letters`;
  await record(c, { action, actor, ...asked, subject, details: { count: ids.length, corrected, comment } });
}

function idOf(c: OpsContext): string {
  const parsed = LetterId.safeParse(c.req.param("id"));
  if (parsed.success) return parsed.data;
  throw new AppError("INVALID_PARAMETERS", `id: ${parsed.error.issues[0]?.message ?? "invalid"}`, { details: { parameter: "id" } });
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
