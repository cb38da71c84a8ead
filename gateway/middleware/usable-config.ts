/** Nothing is served on unusable variables, such as development secrets in production. /health alone stands before this: it says so. */
import { createMiddleware } from "hono/factory";
import { configOf } from "../../platform/config.ts";
import type { GatewayEnv } from "./request-id.ts";

export const requireUsableConfig = createMiddleware<GatewayEnv>((c, next) => {
  configOf(c.env);
  return next();
});
