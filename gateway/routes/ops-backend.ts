/** GET /ops/backend: how the origins of the backend do, as the isolate that answers knows them: breakers, connections, what calls came to. */
import type { Context } from "hono";
import { success } from "../http/envelope.ts";
import { backendStatus } from "../proxy/index.ts";

export function answerBackend(c: Context<{ Bindings: Env }>): Response {
  return c.json(success(backendStatus(c.env)), 200, { "cache-control": "no-store" });
}
