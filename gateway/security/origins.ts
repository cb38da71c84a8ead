/** Which pages may call: those of CORS_ORIGINS and the edge's own. Browsers enforce it for fetch by what cors.ts answers; for web sockets
 *  they ask nobody, so the edge refuses the upgrade itself. */
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";

/** Compared as text: an origin has one spelling, and "null", which sandboxed pages and files send, is nobody's. */
export function isAllowedOrigin(origins: readonly string[], origin: string, requestUrl: string): boolean {
  return origins.includes("*") || origins.includes(origin) || origin === new URL(requestUrl).origin;
}

/** Programs send no Origin and need none. Throws FORBIDDEN for a page that is not ours, before any object is touched. */
export function requireOrigin(env: Env, request: Request): void {
  const origin = request.headers.get("origin");
  if (origin === null || isAllowedOrigin(configOf(env).corsOrigins, origin, request.url)) return;
  throw new AppError("FORBIDDEN", "pages of this origin may not open sockets: CORS_ORIGINS lists those that may");
}
