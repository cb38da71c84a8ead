/** Every answer names its request: the caller's own id when it is harmless, else a new one (CONTRACT 1). */
import { createMiddleware } from "hono/factory";
import type { Guarded } from "./guard.ts";
import { withHeaders } from "./with-headers.ts";

export interface GatewayEnv {
  readonly Bindings: Env;
  readonly Variables: { readonly requestId: string; readonly guarded?: Guarded };
}

const harmless = /^[A-Za-z0-9._-]{1,64}$/;

export const requestId = createMiddleware<GatewayEnv>(async (c, next) => {
  const given = c.req.header("x-request-id");
  const id = given !== undefined && harmless.test(given) ? given : crypto.randomUUID();
  c.set("requestId", id);
  await next();
  withHeaders(c, { "x-request-id": id });
});
