/** The backend's API behind the edge, made from the table of its calls, and several requests in one. */
import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from "zod-openapi";
import { BatchBody } from "../../batch/plan.ts";
import { proxyRoutes } from "../../proxy/table.ts";
import type { Access, ProxyRoute } from "../../proxy/table.ts";
import { bare, empty, failures, jsonBody, nobody, ok, operators, pathName, readers } from "../parts.ts";

const idempotencyKey = z.object({ "idempotency-key": z.string().describe("the same one for a repeat: it takes effect once") });

function needed(access: Access): NonNullable<ZodOpenApiOperationObject["security"]> {
  return access.kind === "anyone" ? nobody : readers;
}

/** `getOpportunitiesIdExecute`: an operation's name has to be one. */
function nameOf({ method, path }: ProxyRoute): string {
  const words = path.split(/[/{}]+/).filter((word) => word !== "");
  return `proxy${[method.toLowerCase(), ...words].map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")}`;
}

function operationOf(route: ProxyRoute): ZodOpenApiOperationObject {
  const { path, query, body, access, once, cache } = route;
  return {
    operationId: nameOf(route),
    summary: `The backend's ${path}${cache === undefined ? "" : ", cached"}`,
    tags: ["Backend"],
    security: needed(access),
    requestParams: {
      query,
      ...(path.includes("{id}") ? { path: pathName("id", "as the backend names it") } : {}),
      ...(once === true ? { header: idempotencyKey } : {}),
    },
    ...(body === undefined ? {} : { requestBody: jsonBody(body) }),
    responses: {
      "200": bare("the backend's own answer", z.unknown()),
      "201": bare("the backend's own answer", z.unknown()),
      "202": bare("the backend's own answer", z.unknown()),
      "304": empty("unchanged since the tag that was sent"),
      ...failures(401, 409, 415, 422, 502, 504),
    },
  };
}

const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
for (const route of proxyRoutes) {
  const path = `/api/proxy${route.path}`;
  paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
}

const PartAnswer = z.looseObject({ status: z.int(), headers: z.record(z.string(), z.string()), body: z.unknown() });

const count = z.int().nonnegative();
const OriginStatus = z.object({
  origin: z.string(),
  state: z.enum(["closed", "open", "probing", "ready"]).describe("of its breaker; ready: open, and asked again by the next call"),
  opened: count.describe("how often"),
  in_flight: count,
  waiting: count,
  counts: z.record(z.string(), count),
});

export const proxyPaths: ZodOpenApiPathsObject = {
  ...paths,
  "/ops/backend": {
    get: {
      operationId: "getBackend",
      summary: "How the backend's origins do, as the isolate that answers knows them",
      tags: ["Operating"],
      security: operators,
      responses: {
        "200": ok(
          "each origin, and how often another attempt was made",
          z.object({ origins: z.array(OriginStatus), retries: count, failovers: count }),
        ),
        ...failures(401),
      },
    },
  },
  "/api/batch": {
    post: {
      operationId: "batch",
      summary: "Up to twenty requests in one, each let in, limited and cached as if it had come alone",
      tags: ["Backend"],
      security: readers,
      requestBody: jsonBody(BatchBody),
      responses: { "200": ok("their answers in the order they were asked", z.array(PartAnswer)), ...failures(401, 415, 504) },
    },
  },
};
