/** What operators see of the cache, and how they have answers forgotten. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { CacheTag } from "../../../schemas/cache.ts";
import { PurgeBody } from "../../routes/ops-cache.ts";
import { failures, jsonBody, ok, operators } from "../parts.ts";

const Policy = z.looseObject({ name: z.string(), tag: CacheTag, ttl_seconds: z.number(), shared_by: z.string(), bytes_max: z.int() });
const common = { tags: ["Operating"], security: operators };

export const cachePaths: ZodOpenApiPathsObject = {
  "/ops/cache": {
    get: {
      ...common,
      operationId: "getCache",
      summary: "What is cached for how long, and what became of requests in the isolate that answers",
      responses: {
        "200": ok("policies and counts", z.object({ policies: z.array(Policy), isolate: z.looseObject({}) })),
        ...failures(401),
      },
    },
  },
  "/ops/cache/purge": {
    post: {
      ...common,
      operationId: "purgeCache",
      summary: "Forget answers by tag or address: here at once, everywhere within a minute",
      requestBody: jsonBody(PurgeBody),
      responses: { "200": ok("forgotten", z.object({ tags: z.array(CacheTag), everywhere_by: z.iso.datetime() })), ...failures(401, 504) },
    },
  },
};
