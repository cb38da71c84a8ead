/** What clients read: entities of the hot cache, and a channel's history, snapshot and presence. */
import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from "zod-openapi";
import { Execution, Opportunity, Strategy } from "../../../schemas/data.ts";
import { SseQuery } from "../../../schemas/sse.ts";
import { SnapshotParameters } from "../../routes/channels.ts";
import { ExecutionQuery, OpportunityQuery, StrategyQuery } from "../../routes/entities.ts";
import { HistoryQuery } from "../../routes/history.ts";
import { empty, failures, ok, other, page, pageOrAll, pathName, readers } from "../parts.ts";

const epoch = z.string().describe("the life of the stream's positions");
const offset = z.int().nonnegative();
const ifNoneMatch = z.object({ "if-none-match": z.string().optional() });

const entities = [
  { kind: "opportunities", one: "Opportunity", schema: Opportunity, query: OpportunityQuery },
  { kind: "executions", one: "Execution", schema: Execution, query: ExecutionQuery },
  { kind: "strategies", one: "Strategy", schema: Strategy, query: StrategyQuery },
] as const;

function entityPaths({ kind, one, schema, query }: (typeof entities)[number]): ZodOpenApiPathsObject {
  const common = { tags: ["Reading"], security: readers };
  const same = { "304": empty("unchanged since the tag that was sent") };
  const Entity = schema.meta({ id: one });
  return {
    [`/api/${kind}`]: {
      get: {
        ...common,
        operationId: `list${kind}`,
        summary: `The newest state of each of the ${kind}`,
        requestParams: { query, header: ifNoneMatch },
        responses: { "200": page("a page", z.array(Entity)), ...same, ...failures(401, 504) },
      },
    },
    [`/api/${kind}/{id}`]: {
      get: {
        ...common,
        operationId: `get${one}`,
        summary: `One of the ${kind}`,
        requestParams: { path: pathName("id", "as in the event"), header: ifNoneMatch },
        responses: { "200": ok("its newest state", Entity), ...same, ...failures(401, 504) },
      },
    },
  };
}

const History = z.object({
  channel: z.string(),
  epoch,
  top: offset.describe("the newest position"),
  first: offset.describe("the oldest that is held"),
  through: offset.describe("the since of the next page"),
  events: z.array(
    z.object({ epoch, offset, stale: z.literal(true).optional(), event: z.looseObject({ id: z.string(), type: z.string() }) }),
  ),
});

const Snapshot = z.object({
  channel: z.string(),
  epoch,
  offset: offset.describe("what the items surely hold: subscribe from here"),
  items: z.array(z.looseObject({ offset })),
  incomplete: z
    .array(z.tuple([offset, offset]))
    .optional()
    .describe("ranges that were dead-lettered: they are not in it"),
});

const Presence = z.object({
  channel: z.string(),
  members: z.array(z.object({ user: z.string(), client: z.string() })),
  users: z.int(),
  clients: z.int(),
  relays_silent: z.int().describe("relays that did not answer: their sockets are not in it"),
});

const channel = pathName(
  "channel",
  "opportunities, executions, strategies, market, alerts, metrics, integration, or a view such as opportunities:base",
);

function channelGet(operationId: string, summary: string, rest: Partial<ZodOpenApiOperationObject>): ZodOpenApiPathsObject[string] {
  const { requestParams, responses } = rest;
  return {
    get: {
      operationId,
      summary,
      tags: ["Channels"],
      security: readers,
      requestParams: { path: channel, ...requestParams },
      responses: { ...responses, ...failures(401, 409, 504) },
    },
  };
}

export const readingPaths: ZodOpenApiPathsObject = {
  ...Object.assign({}, ...entities.map(entityPaths)),
  "/api/channels/{channel}/history": channelGet("getHistory", "What a channel's log holds, forwards or backwards", {
    requestParams: { query: HistoryQuery },
    responses: { "200": page("a page", History) },
  }),
  "/api/channels/{channel}/snapshot": channelGet("getSnapshot", "A channel's state, and the position to go on from live", {
    requestParams: { query: SnapshotParameters },
    responses: {
      "200": pageOrAll("a page; of a last-value channel all there is", Snapshot),
    },
  }),
  "/api/channels/{channel}/presence": channelGet("getPresence", "Who listens", { responses: { "200": ok("members by user", Presence) } }),
  "/sse/{channel}": channelGet("streamChannel", "A channel as an event stream", {
    requestParams: { query: SseQuery, header: z.object({ "last-event-id": z.string().optional() }) },
    responses: { "200": other("events with their positions as ids, without an end", "text/event-stream") },
  }),
};
