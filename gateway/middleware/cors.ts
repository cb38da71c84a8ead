/** Which browser pages may call: the origins of CORS_ORIGINS. Everybody else's scripts get no permission, which is the refusal. */
import { createMiddleware } from "hono/factory";
import { ConfigError, configOf } from "../../platform/config.ts";
import type { GatewayEnv } from "./request-id.ts";
import { withHeaders } from "./with-headers.ts";

const preflightHeaders = {
  "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
  "access-control-allow-headers": "authorization, content-type, x-api-key, x-request-id, traceparent, if-none-match, last-event-id",
  // Two hours is the longest Chromium keeps an answer.
  "access-control-max-age": "7200",
};
const exposedHeaders = { "access-control-expose-headers": "x-request-id, etag, retry-after" };

export const cors = createMiddleware<GatewayEnv>(async (c, next) => {
  const allowed = allowedOrigin(originsOf(c.env), c.req.header("origin"));
  const preflight = c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
  if (preflight) c.res = new Response(null, { status: 204 });
  else await next();
  // Also without an origin: a cache must not hand a page the answer made for no page.
  withHeaders(c, { vary: "Origin" });
  if (allowed === undefined) return;
  withHeaders(c, { "access-control-allow-origin": allowed, ...(preflight ? preflightHeaders : exposedHeaders) });
});

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
