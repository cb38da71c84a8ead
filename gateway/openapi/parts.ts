/** What the descriptions of all routes are put together from: envelopes, failures, credentials, parameters. Only the generator of
 *  docs/openapi.json reads these files; the Worker serves what it wrote. */
import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from "zod-openapi";
import { httpStatusOf, type ErrorCode } from "../../platform/errors.ts";

const Pagination = z
  .object({
    limit: z.int(),
    has_next: z.boolean(),
    cursor: z.string().optional().describe("opaque; present when there is more, unless the page names a position to go on from"),
  })
  .meta({ id: "Pagination" });

const Failure = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.enum(Object.keys(httpStatusOf) as [ErrorCode, ...ErrorCode[]]).describe("stable"),
      message: z.string(),
      details: z.unknown().optional(),
    }),
    timestamp: z.iso.datetime(),
    request_id: z.string(),
  })
  .meta({ id: "Failure" });

type Schema = z.ZodType;
type Responses = NonNullable<ZodOpenApiOperationObject["responses"]>;

function json(description: string, schema: Schema): ZodOpenApiResponseObject {
  return { description, content: { "application/json": { schema } } };
}

/** `data` in the envelope of success. */
export function ok(description: string, data: Schema): ZodOpenApiResponseObject {
  return json(description, z.object({ success: z.literal(true), data }));
}

/** A page of `items` in the envelope of success. */
export function page(description: string, items: Schema): ZodOpenApiResponseObject {
  return json(description, z.object({ success: z.literal(true), data: items, pagination: Pagination }));
}

/** All of `data` at once, or a page of it. */
export function pageOrAll(description: string, data: Schema): ZodOpenApiResponseObject {
  return json(description, z.object({ success: z.literal(true), data, pagination: Pagination.optional() }));
}

/** Not in an envelope: what a standard or the owner's frontend fixes. */
export const bare = json;

export function other(description: string, contentType: string): ZodOpenApiResponseObject {
  return { description, content: { [contentType]: { schema: z.string() } } };
}

export function empty(description: string): ZodOpenApiResponseObject {
  return { description };
}

const always = [400, 403, 404, 405, 413, 414, 429, 431, 451, 500, 503] as const;
const meanings: Readonly<Record<number, string>> = {
  400: "malformed, or a parameter is not what it must be",
  401: "credentials are missing or do not hold",
  403: "the credentials are not enough, or this caller is not let in",
  404: "there is nothing at this address",
  405: "not with this method",
  408: "what was announced did not come in time",
  409: "not from the state things are in",
  411: "its length must be known beforehand",
  412: "the precondition does not hold",
  413: "too large",
  414: "the address is too long",
  415: "a content type or coding that is not taken",
  416: "the range lies behind the end",
  422: "understood, and nothing of it is valid",
  426: "an upgrade is needed",
  428: "a precondition is needed",
  429: "too many: Retry-After says when to come back",
  431: "the headers are too large",
  451: "not from this country",
  500: "something went wrong on our side",
  502: "the backend answered nonsense",
  503: "out of reach or full: Retry-After says when to come back",
  504: "no answer in time",
};

/** One object a status: that is how the document knows that all routes mean the same. */
const failureOf = new Map(
  Object.entries(meanings).map(([status, meaning]) => [Number(status), { ...json(meaning, Failure), id: `Failure${status}` }]),
);

/** Failures of every route, and those named. */
export function failures(...statuses: number[]): Responses {
  const all = [...new Set<number>([...always, ...statuses])].toSorted((a, b) => a - b);
  return Object.fromEntries(
    all.flatMap((status) => {
      const failure = failureOf.get(status);
      return failure === undefined ? [] : [[`${status}`, failure]];
    }),
  );
}

/** Any of these lets a reader in; the empty one where a channel is public. */
export const readers = [{ token: [] }, { operatorKey: [] }, {}];
export const operators = [{ operatorKey: [] }, { token: [] }];
export const posters = [{ ingestKey: [] }, { ingestBearer: [] }, { webhook: [] }];
export const nobody = [];
/** An operator, or an API client with its own key. */
export const minters = [{ operatorKey: [] }, { clientKey: [] }];

export const securitySchemes = {
  token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "a client's token, see /security/token" },
  operatorKey: { type: "apiKey", in: "header", name: "x-api-key", description: "OPS_API_KEY; as Authorization: Bearer too" },
  ingestKey: { type: "apiKey", in: "header", name: "x-api-key", description: "one of INGEST_API_KEYS" },
  ingestBearer: { type: "http", scheme: "bearer", description: "one of INGEST_API_KEYS" },
  clientKey: { type: "apiKey", in: "header", name: "x-api-key", description: "the key of an API client, see /ops/clients" },
  webhook: { type: "apiKey", in: "header", name: "webhook-signature", description: "Standard Webhooks, over the raw body" },
} as const;

/** A name in the path. */
export function pathName(name: string, description: string): z.ZodObject {
  return z.object({ [name]: z.string().describe(description) });
}

export function jsonBody(schema: Schema): NonNullable<ZodOpenApiOperationObject["requestBody"]> {
  return { required: true, content: { "application/json": { schema } } };
}
