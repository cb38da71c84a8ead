/** What operators upload, and everybody is served. */
import { z } from "zod";
import type { ZodOpenApiPathsObject, ZodOpenApiResponseObject } from "zod-openapi";
import { assetTypes } from "../../assets/policy.ts";
import { AssetQuery } from "../../routes/ops-assets.ts";
import { empty, failures, nobody, ok, operators, page, pathName } from "../parts.ts";

const Asset = z
  .object({
    path: z.string(),
    url: z.string().describe("where it is served"),
    bytes: z.int(),
    etag: z.string(),
    sha256: z.string().optional().describe("hex; of what was uploaded with Content-Digest"),
    uploaded: z.iso.datetime(),
    content_type: z.string(),
    cache_control: z.string(),
  })
  .meta({ id: "Asset" });

const path = pathName("path", "folders and a name: letters, digits and - _ . @ + ~");
const operating = { tags: ["Operating"], security: operators };

/** Its type follows from its name. */
function bytes(description: string): ZodOpenApiResponseObject {
  return { description, content: Object.fromEntries(assetTypes.map((type) => [type, { schema: { type: "string", format: "binary" } }])) };
}

export const assetPaths: ZodOpenApiPathsObject = {
  "/assets/{path}": {
    get: {
      tags: ["Assets"],
      security: nobody,
      operationId: "getAsset",
      summary: "One asset, whole or a range of it; an hour to a day in caches, a year when its name holds its hash",
      requestParams: { path },
      responses: {
        "200": bytes("all of it"),
        "206": bytes("the range that was asked for"),
        "304": empty("the one you hold is the one there is"),
        ...failures(412, 416, 504),
      },
    },
  },
  "/ops/assets": {
    get: {
      ...operating,
      operationId: "listAssets",
      summary: "What is stored, by path",
      requestParams: { query: AssetQuery },
      responses: { "200": page("a page", z.array(Asset)), ...failures(401, 504) },
    },
  },
  "/ops/assets/{path}": {
    get: {
      ...operating,
      operationId: "getAssetFacts",
      summary: "What is stored at a path",
      requestParams: { path },
      responses: { "200": ok("its facts", Asset), ...failures(401, 504) },
    },
    put: {
      ...operating,
      operationId: "putAsset",
      summary: "Upload one: If-None-Match: * for a new one, If-Match with the tag of the one it replaces",
      requestParams: {
        path,
        header: z.object({
          "if-none-match": z.literal("*").optional(),
          "if-match": z.string().optional(),
          "content-digest": z
            .string()
            .optional()
            .describe("sha-256=:<base64>: of the body; an upload that comes twice is recognised by it"),
        }),
      },
      requestBody: { required: true, content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } },
      responses: {
        "200": ok("replaced, or the very same was there", Asset),
        "201": ok("new", Asset),
        ...failures(401, 408, 409, 411, 412, 415, 428, 504),
      },
    },
    delete: {
      ...operating,
      operationId: "deleteAsset",
      summary: "Delete one, if it is the one that If-Match names",
      requestParams: { path, header: z.object({ "if-match": z.string().optional() }) },
      responses: { "200": ok("it is gone", z.object({ path: z.string(), deleted: z.boolean() })), ...failures(401, 412, 504) },
    },
  },
};
