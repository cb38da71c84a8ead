/** The route table, and what surrounds every route. Wiring only. */
import { Hono } from "hono";
import { RememberingRouter } from "./http/remembering-router.ts";
import { auditRefusals } from "./middleware/audit-refusals.ts";
import { compress } from "./middleware/compress.ts";
import { cors } from "./middleware/cors.ts";
import { renderError, renderNotFound } from "./middleware/errors.ts";
import { guard } from "./middleware/guard.ts";
import { requireTls } from "./middleware/https.ts";
import { rateLimit } from "./middleware/rate-limit.ts";
import { requestId } from "./middleware/request-id.ts";
import type { GatewayEnv } from "./middleware/request-id.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { requireUsableConfig } from "./middleware/usable-config.ts";
import { assetRoutes } from "./routes/assets.ts";
import { batchRoutes } from "./routes/batch.ts";
import { documentRoutes } from "./routes/documents.ts";
import { eventStreamRoutes } from "./routes/events-stream.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { proxyRoutes } from "./routes/proxy.ts";
import { readingRoutes } from "./routes/reading.ts";
import { securityRoutes } from "./routes/security.ts";
import { socketRoutes } from "./routes/sockets.ts";
import { sseRoutes } from "./routes/sse.ts";

export const app = new Hono<GatewayEnv>({ router: new RememberingRouter() });

app.onError(renderError);
app.notFound(renderNotFound);
// Outermost: all behind it see plain bytes, and every answer passes it, errors and cached ones as well.
app.use(compress, requestId, securityHeaders, cors);
app.route("/", healthRoutes());
app.use(requireUsableConfig, guard(), requireTls, auditRefusals, rateLimit());
app.route("/", eventStreamRoutes);
app.route("/", eventRoutes);
app.route("/", readingRoutes);
app.route("/", proxyRoutes());
app.route("/", batchRoutes({ clock: Date.now, send: async (request, c) => await app.fetch(request, c.env, c.executionCtx) }));
app.route("/", securityRoutes());
app.route("/", documentRoutes);
app.route("/", assetRoutes());
app.route("/", socketRoutes);
app.route("/", sseRoutes());
