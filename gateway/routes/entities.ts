/** GET /api/{opportunities,executions,strategies}[/{id}]: what the newest state of each entity is, from the D1 hot cache. */
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { findChannel } from "../../channels/catalogue.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { Id, Slug, executionStatuses, opportunityStatuses } from "../../schemas/data.ts";
import { DecimalString } from "../../schemas/decimal.ts";
import { idCharsMax, nameCharsMax, pageLimitDefault, pageLimitMax } from "../../schemas/limits.ts";
import { findEntity, listEntities } from "../../stores/entities.ts";
import type { EntityKind, Filter, Page } from "../../stores/entities.ts";
import { ask } from "../http/ask.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { conditionalJson } from "../http/etag.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import type { QueryShape } from "../http/query.ts";
import { anybodyMayRead, identify, refusal, requireRead } from "../security/access.ts";
import type { ReadRequest } from "../security/access.ts";

type ReadContext = Context<{ Bindings: Env }>;

const paging = { limit: wholeNumber(1, pageLimitMax).default(pageLimitDefault), cursor: Cursor.optional() };
const oneOf = (values: readonly string[]): string => `must be one of ${values.join(", ")}`;
const timeSorts = ["-time", "time"] as const;
const sorts = [...timeSorts, "-profit", "profit"] as const;

export const OpportunityQuery = z.object({
  chain: Slug.optional(),
  status: z.enum(opportunityStatuses, oneOf(opportunityStatuses)).optional(),
  min_profit: DecimalString.optional(),
  token_pair: z.string().min(1, "must not be empty").max(nameCharsMax).optional(),
  dex: Slug.optional(),
  ...paging,
  sort: z.enum(sorts, oneOf(sorts)).default("-time"),
});

export const ExecutionQuery = z.object({
  chain: Slug.optional(),
  status: z.enum(executionStatuses, oneOf(executionStatuses)).optional(),
  opportunity_id: Id.optional(),
  strategy_id: Id.optional(),
  ...paging,
  sort: z.enum(sorts, oneOf(sorts)).default("-time"),
});

export const StrategyQuery = z.object({
  active: z.enum(["true", "false"], "must be true or false").optional(),
  ...paging,
  sort: z.enum(timeSorts, oneOf(timeSorts)).default("-time"),
});

/** What a query of any of the three comes to. */
interface ListQuery {
  readonly filter: Filter;
  readonly sort: Page["sort"];
  readonly limit: number;
  readonly cursor: string | undefined;
}

function opportunityList(search: URLSearchParams, nowMs: number): ListQuery {
  const { chain, status, min_profit, token_pair, dex, sort, limit, cursor } = parse(OpportunityQuery, search);
  const minProfit = min_profit === undefined ? undefined : Number(min_profit);
  return { filter: { chain, status, minProfit, tokenPair: token_pair, dex, unexpiredAtMs: nowMs }, sort, limit, cursor };
}

function executionList(search: URLSearchParams): ListQuery {
  const { chain, status, opportunity_id, strategy_id, sort, limit, cursor } = parse(ExecutionQuery, search);
  return { filter: { chain, status, opportunityId: opportunity_id, strategyId: strategy_id }, sort, limit, cursor };
}

function strategyList(search: URLSearchParams): ListQuery {
  const { active, sort, limit, cursor } = parse(StrategyQuery, search);
  return { filter: { active: active === undefined ? undefined : active === "true" }, sort, limit, cursor };
}

function parse<S extends QueryShape>(schema: S, search: URLSearchParams): z.output<S> {
  return parseQuery(schema, search);
}

const lists: Readonly<Record<EntityKind, (search: URLSearchParams, nowMs: number) => ListQuery>> = {
  opportunities: opportunityList,
  executions: executionList,
  strategies: strategyList,
};

const ListCursor = z.object({ v: z.literal(1), sort: z.string(), key: z.number(), id: z.string().max(idCharsMax) });

/** Prices move every second: a client may reuse an answer for one, then asks with its tag. */
const maxAgeSeconds = 1;
const hotCache = { what: "the hot cache" };

export function entityRoutes(clock: () => number = Date.now): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();
  for (const kind of ["opportunities", "executions", "strategies"] as const) {
    routes.get(`/api/${kind}`, (c) => answerList(c, kind, clock()));
    routes.get(`/api/${kind}/:id`, (c) => answerOne(c, kind, clock()));
  }
  return routes;
}

async function answerList(c: ReadContext, kind: EntityKind, nowMs: number): Promise<Response> {
  const { searchParams } = new URL(c.req.url);
  // Before the query is parsed: a stranger learns nothing from how it is refused.
  const right = rightTo(kind, searchParams.get("chain"));
  requireRead(c.env, await identify(c, nowMs), right);
  const { filter, sort, limit, cursor } = lists[kind](searchParams, nowMs);
  const after = cursor === undefined ? undefined : readCursor(cursor, sort);
  const { items, next } = await ask(listEntities(c.env, kind, { filter, page: { sort, limit, after } }), hotCache);
  const pagination = pageOf(limit, next === undefined ? undefined : encodeCursor({ v: 1, sort, ...next }));
  return conditionalJson(c.req.raw, success(items, pagination), { shared: anybodyMayRead(c.env, right), maxAgeSeconds });
}

async function answerOne(c: ReadContext, kind: EntityKind, nowMs: number): Promise<Response> {
  const reader = await identify(c, nowMs);
  // Before anything is read: a stranger costs no query, unless the stream or one of its views is public.
  if (reader.kind === "anonymous" && !isPublicIn(c.env, kind)) throw refusal(reader, `subscribe on ${kind}`);
  const id = c.req.param("id") ?? "";
  if (id.length > idCharsMax)
    throw new AppError("INVALID_PARAMETERS", `id: at most ${idCharsMax} characters`, { details: { parameter: "id" } });
  const found = await ask(findEntity(c.env, kind, id), hotCache);
  const right = rightTo(kind, found?.["chain"]);
  // Who may read one chain only must not learn what exists on others: the right is asked before absence is told.
  requireRead(c.env, reader, right);
  if (found === undefined) throw new AppError("NOT_FOUND", `the hot cache holds no such id in ${kind}`);
  return conditionalJson(c.req.raw, success(found), { shared: anybodyMayRead(c.env, right), maxAgeSeconds });
}

/** The stream's right, or its view's where the answer is of one chain (a right on the stream covers its views). */
function rightTo(kind: EntityKind, chain: unknown): ReadRequest {
  const view = typeof chain === "string" ? findChannel(`${kind}:${chain}`) : undefined;
  return { action: "subscribe", channel: view ?? { channel: kind, stream: kind } };
}

function isPublicIn(env: Env, kind: EntityKind): boolean {
  return configOf(env).publicChannels.some((name) => name === "*" || findChannel(name.replace(/:\*$/, ""))?.stream === kind);
}

function readCursor(text: string, sort: string): { key: number; id: string } {
  const { key, id, sort: made } = decodeCursor(ListCursor, text);
  if (made !== sort) throw new AppError("INVALID_PARAMETERS", `cursor: was made for sort=${made}`, { details: { parameter: "cursor" } });
  return { key, id };
}
