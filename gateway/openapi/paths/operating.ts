/** What operators ask and change under /ops, and what ends a token. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { CostReport } from "../../../schemas/cost.ts";
import { DoctorReport } from "../../../schemas/doctor.ts";
import { Placement } from "../../../schemas/placement.ts";
import { CostQuery } from "../../routes/ops-cost.ts";
import { LogQuery } from "../../routes/ops-logs.ts";
import { failures, jsonBody, ok, operators, other } from "../parts.ts";

const Stream = z
  .looseObject({ stream: z.string(), reachable: z.boolean() })
  .describe("its epoch, positions, outbox and relays, when reachable");

const common = { tags: ["Operating"], security: operators };

export const operatingPaths: ZodOpenApiPathsObject = {
  "/ops/channels": {
    get: {
      ...common,
      operationId: "getChannels",
      summary: "Where every stream stands",
      responses: { "200": ok("a stream that does not answer is listed as such", z.array(Stream)), ...failures(401, 504) },
    },
  },
  "/ops/cost": {
    get: {
      ...common,
      operationId: "getCost",
      summary: "What the last hours cost, from operations that the edge counted of itself",
      requestParams: { query: CostQuery },
      responses: { "200": ok("the bill by service, and what it leaves out", CostReport), ...failures(400, 401) },
    },
  },
  "/ops/doctor": {
    get: {
      ...common,
      operationId: "getDoctor",
      summary: "Asks every binding, judges secrets and variables, and says what to do",
      responses: { "200": ok("each check by itself; secrets are never shown", DoctorReport), ...failures(401) },
    },
  },
  "/ops/logs": {
    get: {
      ...common,
      operationId: "getLogs",
      summary: "The log of truth of one stream, in order, each position once",
      requestParams: { query: LogQuery },
      responses: {
        "200": other("a line an event; broken off, never ended quietly, when it cannot be read", "application/x-ndjson"),
        ...failures(401),
      },
    },
  },
  "/ops/placement": {
    get: {
      ...common,
      operationId: "getPlacement",
      summary: "How many relays each region has, and which regions are drained",
      responses: { "200": ok("what is set", Placement), ...failures(401, 504) },
    },
    put: {
      ...common,
      operationId: "putPlacement",
      summary: "Change it: known everywhere within a minute",
      requestBody: jsonBody(Placement),
      responses: {
        "200": ok("what is set now, and who was told", Placement.extend({ sockets_sent: z.int(), relays_unreached: z.array(z.string()) })),
        ...failures(401, 504),
      },
    },
  },
};
