/** What every answer tells a browser: believe the content type, run and frame nothing, leak no address, come back over TLS. A page says
 *  itself what it may load (`content-security-policy`) and an asset who may embed it (`cross-origin-resource-policy`): those stay. */
import { createMiddleware } from "hono/factory";
import { ConfigError, configOf } from "../../platform/config.ts";
import type { GatewayEnv } from "./request-id.ts";
import { withHeaders } from "./with-headers.ts";

/** An API's answers load nothing: should one ever be shown as a page, nothing in it runs. */
export const contentPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Not behind SECURITY_HEADERS_ENABLED: without it a browser may take JSON for a page. */
const always = { "x-content-type-options": "nosniff" };

const browsers = {
  "content-security-policy": contentPolicy,
  // The same as frame-ancestors, for browsers that do not know it.
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  // Says nothing to CORS: pages of CORS_ORIGINS read by fetch. It keeps others from embedding an answer.
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  // Two years, what browsers' preload lists recommend. Ignored on plain http, so local development is unaffected.
  "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
} satisfies Record<string, string>;

/** What a route may have said itself. */
const routes = ["content-security-policy", "cross-origin-resource-policy"] as const;

export const securityHeaders = createMiddleware<GatewayEnv>(async (c, next) => {
  await next();
  withHeaders(c, isEnabled(c.env) ? unsaid(c.res.headers) : always);
});

const all = { ...browsers, ...always };

function unsaid(headers: Headers): Readonly<Record<string, string>> {
  const said = routes.filter((name) => headers.has(name));
  if (said.length === 0) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => !said.some((other) => other === name)));
}

/** With unusable variables they are sent: /health answers then too. */
function isEnabled(env: object): boolean {
  try {
    return configOf(env).securityHeaders;
  } catch (error) {
    if (error instanceof ConfigError) return true;
    throw error;
  }
}
