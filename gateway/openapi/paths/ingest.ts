/** POST /api/events and the owner's webhook. */
import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from "zod-openapi";
import { Id } from "../../../schemas/data.ts";
import { eventTypes } from "../../../schemas/event.ts";
import { failures, ok, posters } from "../parts.ts";

const CloudEvent = z
  .looseObject({
    specversion: z.literal("1.0"),
    id: z.string().describe("with source the idempotency key"),
    source: z.string(),
    type: z.enum(Object.keys(eventTypes) as [string, ...string[]]),
    subject: z.string().optional().describe("the entity's id; taken from data unless given"),
    time: z.iso.datetime({ offset: true }),
    data: z.looseObject({}).describe("by type, see the JSON Schemas of docs/schemas; other dialects of the backend are taken as well"),
  })
  .meta({ id: "CloudEvent" });

const Accepted = z.object({
  accepted: z.int().describe("new ones, durable"),
  duplicates: z.int().describe("seen in the last ten minutes"),
  rejected: z.array(z.object({ index: z.int(), id: Id.optional(), code: z.string(), message: z.string(), path: z.string().optional() })),
});

const query = z.object({ delivery: z.literal("queued").optional().describe("skips the fast lane: bulk, backfills") });

function post(operationId: string, summary: string): ZodOpenApiOperationObject {
  return {
    operationId,
    summary,
    tags: ["Ingest"],
    security: posters,
    requestParams: { query },
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: z.union([CloudEvent, z.array(CloudEvent)]) },
        "application/cloudevents+json": { schema: CloudEvent },
        "application/cloudevents-batch+json": { schema: z.array(CloudEvent) },
        "application/x-ndjson": { schema: z.string().describe("an event a line; beyond 1 MiB answered line by line") },
      },
    },
    responses: {
      "200": { description: "a stream: a verdict a line, then a summary", content: { "application/x-ndjson": { schema: z.string() } } },
      "202": ok("every accepted event is durable; the same request may always be sent again", Accepted),
      ...failures(401, 415, 422, 504),
    },
  };
}

export const ingestPaths: ZodOpenApiPathsObject = {
  "/api/events": { post: post("postEvents", "Hand over events") },
  "/api/webhook/contabo": { post: post("postWebhook", "Hand over events in the owner's envelope") },
};
