/** Production speaks TLS only. A reader who came by plain http is sent to the same address over TLS; anything else is refused, because a
 *  key that was already sent in the clear must be noticed, not hidden by a redirect. */
import { createMiddleware } from "hono/factory";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import type { GatewayEnv } from "./request-id.ts";

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

export const requireTls = createMiddleware<GatewayEnv>(async (c, next) => {
  // Parsed seldom: nearly every request came over TLS.
  if (c.req.url.startsWith("https:") || configOf(c.env).environment !== "production") return next();
  const url = new URL(c.req.url);
  if (url.protocol !== "http:" || loopback.has(url.hostname)) return next();
  if (c.req.method !== "GET" && c.req.method !== "HEAD")
    throw new AppError("FORBIDDEN", "use https: a key sent over http is not a secret any more");
  url.protocol = "https:";
  return c.redirect(url.href, 308);
});
