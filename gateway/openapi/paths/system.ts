/** What describes and checks the edge itself, and the addresses of its sockets, whose frames the AsyncAPI document describes. */
import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from "zod-openapi";
import { bare, empty, failures, nobody, other, pathName } from "../parts.ts";

const Health = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]),
  checks: z.record(
    z.string(),
    z.object({
      status: z.enum(["up", "slow", "down"]),
      latency_ms: z.number(),
      reason: z.enum(["timeout", "error"]).optional(),
      figures: z.record(z.string(), z.number()).optional(),
    }),
  ),
});

const common = { tags: ["System"], security: nobody };

function socket(operationId: string, summary: string, channel = false): ZodOpenApiPathsObject[string] {
  const get: ZodOpenApiOperationObject = {
    operationId,
    summary,
    tags: ["Sockets"],
    security: [{ token: [] }, {}],
    ...(channel ? { requestParams: { path: pathName("channel", "the one channel it is subscribed to") } } : {}),
    responses: { "101": empty("a web socket; its frames are described by /asyncapi.json"), ...failures(401, 426) },
  };
  return { get };
}

export const systemPaths: ZodOpenApiPathsObject = {
  "/health": {
    get: {
      ...common,
      operationId: "getHealth",
      summary: "Whether events can be accepted, and what is slow or down",
      responses: { ...failures(), "200": bare("events can be accepted", Health), "503": bare("no event can be accepted", Health) },
    },
  },
  "/openapi.json": {
    get: {
      ...common,
      operationId: "getOpenApi",
      summary: "This document",
      responses: { "200": bare("OpenAPI 3.1", z.looseObject({ openapi: z.string() })), ...failures() },
    },
  },
  "/asyncapi.json": {
    get: {
      ...common,
      operationId: "getAsyncApi",
      summary: "Sockets and event streams",
      responses: { "200": bare("AsyncAPI 3", z.looseObject({ asyncapi: z.string() })), ...failures() },
    },
  },
  "/docs": {
    get: {
      ...common,
      operationId: "getDocs",
      summary: "This document, to read",
      responses: { "200": other("a page", "text/html"), ...failures() },
    },
  },
  "/ws": socket("openSocket", "Native and legacy frames; many channels on one socket"),
  "/ws/{channel}": socket("openChannelSocket", "Native frames, already subscribed", true),
  "/parties/channel/{channel}": socket("openPartySocket", "The same at PartyKit's address", true),
  "/connection/websocket": socket("openCentrifugoSocket", "Centrifugo's JSON protocol, version 2"),
};
