/** GET /api/{opportunities,executions,strategies}[/{id}]: what the newest state of each entity is, from the D1 hot cache. Who asks is let in or
 *  refused on every request, before the cache of answers is looked into. */
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { findChannel } from "../../channels/catalogue.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { Remembered } from "../../platform/remembered.ts";
import { Id, Slug, executionStatuses, opportunityStatuses } from "../../schemas/data.ts";
import { DecimalString } from "../../schemas/decimal.ts";
import { idCharsMax, nameCharsMax, pageLimitDefault, pageLimitMax } from "../../schemas/limits.ts";
import { findEntity, listEntities } from "../../stores/entities.ts";
import type { Data, EntityKind, Filter, Page } from "../../stores/entities.ts";
import { ask } from "../http/ask.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { taggedJson } from "../http/etag.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import type { QueryShape } from "../http/query.ts";
import { cached, cacheStatus } from "../optimisation/cache/index.ts";
import { canonicalValues } from "../optimisation/cache/key.ts";
import { partitionOf } from "../optimisation/cache/partition.ts";
import { policyOf } from "../optimisation/cache/policies.ts";
import type { OriginResult } from "../optimisation/cache/produce.ts";
import { anybodyMayRead, identify, refusal, requireRead } from "../security/access.ts";
import type { ReadRequest } from "../security/access.ts";
import type { Reader } from "../security/reader.ts";

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
  /** As it was sent: which view is asked for decides who may read, before anything is parsed. */
  readonly chain: string | null;
  /** All of it in one spelling. */
  readonly canonical: string;
}

type ParsedQuery = Omit<ListQuery, "chain">;

function opportunityList(search: URLSearchParams): ParsedQuery {
  const query = parse(OpportunityQuery, search);
  const { chain, status, min_profit, token_pair, dex, sort, limit, cursor } = query;
  const minProfit = min_profit === undefined ? undefined : Number(min_profit);
  const filter = { chain, status, minProfit, tokenPair: token_pair, dex };
  return { filter, sort, limit, cursor, canonical: canonicalValues(query) };
}

function executionList(search: URLSearchParams): ParsedQuery {
  const query = parse(ExecutionQuery, search);
  const { chain, status, opportunity_id, strategy_id, sort, limit, cursor } = query;
  const filter = { chain, status, opportunityId: opportunity_id, strategyId: strategy_id };
  return { filter, sort, limit, cursor, canonical: canonicalValues(query) };
}

function strategyList(search: URLSearchParams): ParsedQuery {
  const query = parse(StrategyQuery, search);
  const { active, sort, limit, cursor } = query;
  return {
    filter: { active: active === undefined ? undefined : active === "true" },
    sort,
    limit,
    cursor,
    canonical: canonicalValues(query),
  };
}

function parse<S extends QueryShape>(schema: S, search: URLSearchParams): z.output<S> {
  return parseQuery(schema, search);
}

const lists: Readonly<Record<EntityKind, (search: URLSearchParams) => ParsedQuery>> = {
  opportunities: opportunityList,
  executions: executionList,
  strategies: strategyList,
};

/** Pages ask the same few questions again and again, and parsing one costs as much as answering it from memory. */
const queriesRemembered = 256;
const queries = new Remembered<ListQuery>(queriesRemembered);

const ListCursor = z.object({ v: z.literal(1), sort: z.string(), key: z.number(), id: z.string().max(idCharsMax) });

const hotCache = { what: "the hot cache" };

export function entityRoutes(clock: () => number = Date.now): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();
  for (const kind of ["opportunities", "executions", "strategies"] as const) {
    routes.use(`/api/${kind}/*`, cacheStatus);
    routes.get(`/api/${kind}`, (c) => answerList(c, kind, clock));
    routes.get(`/api/${kind}/:id`, (c) => answerOne(c, kind, clock));
  }
  return routes;
}

async function answerList(c: ReadContext, kind: EntityKind, clock: () => number): Promise<Response> {
  const asked = searchOf(c.req.url);
  const name = `${kind}${asked}`;
  const known = queries.find(name);
  const search = new URLSearchParams(known === undefined ? asked : "");
  const chain = known === undefined ? search.get("chain") : known.chain;
  // Before the query is parsed: a stranger learns nothing from how it is refused.
  const right = rightTo(kind, chain);
  const reader = await identify(c, clock());
  requireRead(c.env, reader, right);
  const query = known ?? queries.of(name, () => ({ ...lists[kind](search), chain }));
  const { sort, limit, cursor } = query;
  const after = cursor === undefined ? undefined : readCursor(cursor, sort);
  const partition = sharing(c.env, { kind, reader, right });
  const origin = (): Promise<OriginResult> => readList(c.env, kind, { query, page: { sort, limit, after }, nowMs: clock() });
  return await cached(c, { policy: kind, partition, path: `/api/${kind}`, query: query.canonical, origin }, clock);
}

/** As it was sent, with its question mark. */
function searchOf(url: string): string {
  const from = url.indexOf("?");
  return from < 0 ? "" : url.slice(from);
}

interface ListWish {
  readonly query: ListQuery;
  readonly page: Page;
  readonly nowMs: number;
}

async function readList(env: Env, kind: EntityKind, { query, page, nowMs }: ListWish): Promise<OriginResult> {
  const filter = kind === "opportunities" ? { ...query.filter, unexpiredAtMs: nowMs } : query.filter;
  const { items, next } = await ask(listEntities(env, kind, { filter, page }), hotCache);
  const pagination = pageOf(page.limit, next === undefined ? undefined : encodeCursor({ v: 1, sort: page.sort, ...next }));
  const isLiving = kind === "opportunities" && (filter.status === undefined || filter.status === "pending");
  return { response: taggedJson(success(items, pagination)), notAfterMs: isLiving ? firstExpiryMs(items) : undefined };
}

/** A list without expired ones is untrue from its first expiry on. */
function firstExpiryMs(items: readonly Data[]): number {
  return Math.min(...items.map(({ expiry_time: expiry }) => Date.parse(String(expiry))));
}

async function answerOne(c: ReadContext, kind: EntityKind, clock: () => number): Promise<Response> {
  const reader = await identify(c, clock());
  // Before anything is read: a stranger costs no query, unless the stream or one of its views is public.
  if (reader.kind === "anonymous" && !isPublicIn(c.env, kind)) throw refusal(reader, `subscribe on ${kind}`);
  const id = c.req.param("id") ?? "";
  if (id.length > idCharsMax)
    throw new AppError("INVALID_PARAMETERS", `id: at most ${idCharsMax} characters`, { details: { parameter: "id" } });
  // Its chain is not known yet: only who may read all of the stream shares what everybody may read.
  const partition = sharing(c.env, { kind, reader, right: rightTo(kind, undefined) });
  const origin = (): Promise<OriginResult> => readOne(c.env, { kind, id, reader });
  return await cached(c, { policy: kind, partition, path: `/api/${kind}/${encodeURIComponent(id)}`, query: "", origin }, clock);
}

interface OneWish {
  readonly kind: EntityKind;
  readonly id: string;
  readonly reader: Reader;
}

const settled = new Set<unknown>(["confirmed", "failed", "reverted"]);

async function readOne(env: Env, { kind, id, reader }: OneWish): Promise<OriginResult> {
  const found = await ask(findEntity(env, kind, id), hotCache);
  // Who may read one chain only must not learn what exists on others: the right is asked before absence is told.
  requireRead(env, reader, rightTo(kind, found?.["chain"]));
  if (found === undefined) throw new AppError("NOT_FOUND", `the hot cache holds no such id in ${kind}`);
  const isSettled = kind === "executions" && settled.has(found["status"]);
  return { response: taggedJson(success(found)), policy: isSettled ? "executions.settled" : undefined };
}

interface Sharer {
  readonly kind: EntityKind;
  readonly reader: Reader;
  readonly right: ReadRequest;
}

/** Whom an answer is shared with: all, where anybody may read it, else those with the same rights. */
function sharing(env: Env, { kind, reader, right }: Sharer): string | undefined {
  const { publicChannels } = configOf(env);
  return partitionOf({ sharedBy: policyOf(kind).sharedBy, reader, isPublic: anybodyMayRead(env, right), publicChannels });
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
