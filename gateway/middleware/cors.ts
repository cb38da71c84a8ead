/** What a page may read of an answer, by the Fetch standard: pages of CORS_ORIGINS everything it needs, everybody else's scripts nothing,
 *  which is the refusal. Credentials are headers here, never cookies, so none are allowed. */
import { createMiddleware } from "hono/factory";
import { ConfigError, configOf } from "../../platform/config.ts";
import type { GatewayEnv } from "./request-id.ts";
import { withHeaders } from "./with-headers.ts";

const requestHeaders = [
  "authorization",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "last-event-id",
  "range",
  "traceparent",
  "x-api-key",
  "x-request-id",
];
/** Beyond those that the Fetch standard shows to every page. */
const answerHeaders = [
  "accept-ranges",
  "age",
  "cache-status",
  "content-range",
  "etag",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "x-request-id",
];

const preflightHeaders = {
  "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
  "access-control-allow-headers": requestHeaders.join(", "),
  // Two hours is the longest Chromium keeps an answer.
  "access-control-max-age": "7200",
};
const exposedHeaders = { "access-control-expose-headers": answerHeaders.join(", ") };

const vary = { vary: "Origin" };

export const cors = createMiddleware<GatewayEnv>(async (c, next) => {
  const allowed = allowedOrigin(originsOf(c.env), c.req.header("origin"));
  const preflight = isPreflight(c.req.raw);
  if (preflight) c.res = new Response(null, { status: 204 });
  else await next();
  // Also without an origin: a cache must not hand a page the answer made for no page.
  if (allowed === undefined) withHeaders(c, vary);
  else withHeaders(c, { ...vary, "access-control-allow-origin": allowed, ...(preflight ? preflightHeaders : exposedHeaders) });
});

function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");
}

/** With unusable variables no page gets permission, and /health still answers what is wrong with them. */
function originsOf(env: object): readonly string[] {
  try {
    return configOf(env).corsOrigins;
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

function allowedOrigin(origins: readonly string[], origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (origins.includes("*")) return "*";
  return origins.includes(origin) ? origin : undefined;
}
