/** The gateway's middleware, step by step, before a handler that returns a constant: `x-steps: 3` passes the first three. What a step costs is
 *  what it adds to the one before. Everything else of the Worker is the real one, which the bench fills and reads. */
import { Hono } from "hono";
import { auditRefusals } from "../../../gateway/middleware/audit-refusals.ts";
import { compress } from "../../../gateway/middleware/compress.ts";
import { cors } from "../../../gateway/middleware/cors.ts";
import { guard } from "../../../gateway/middleware/guard.ts";
import { requireTls } from "../../../gateway/middleware/https.ts";
import { rateLimit } from "../../../gateway/middleware/rate-limit.ts";
import { requestId } from "../../../gateway/middleware/request-id.ts";
import type { GatewayEnv } from "../../../gateway/middleware/request-id.ts";
import { securityHeaders } from "../../../gateway/middleware/security-headers.ts";
import { requireUsableConfig } from "../../../gateway/middleware/usable-config.ts";
import edge from "../../../worker.ts";

export * from "../../../worker.ts";

const steps = [compress, requestId, securityHeaders, cors, requireUsableConfig, guard(), requireTls, auditRefusals, rateLimit()];
const headers = { "content-type": "application/json; charset=utf-8" };

const apps = [...steps.keys(), steps.length].map((count) => {
  const app = new Hono<GatewayEnv>();
  for (const step of steps.slice(0, count)) app.use(step);
  return app.get("*", ({ req }) => new Response(bodies[Number(req.header("x-body") ?? 0)], { headers }));
});
const bodies = ["", "x".repeat(14_000)];

export default {
  ...edge,
  fetch(request, env, context) {
    const count = request.headers.get("x-steps");
    if (count === null) return edge.fetch(request, env, context);
    return apps[Number(count)]?.fetch(request, env, context) ?? new Response(null, { status: 404 });
  },
} satisfies ExportedHandler<Env>;
