/** What every answer tells a browser: believe the content type, never frame, leak no address, come back over TLS. */
import { createMiddleware } from "hono/factory";
import type { GatewayEnv } from "./request-id.ts";
import { withHeaders } from "./with-headers.ts";

const headers = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  // A year, the least browsers' preload lists take. Ignored on plain http, so local development is unaffected.
  "strict-transport-security": "max-age=31536000; includeSubDomains",
};

export const securityHeaders = createMiddleware<GatewayEnv>(async (c, next) => {
  await next();
  withHeaders(c, headers);
});
