/** The route table, and what surrounds every route. Wiring only. */
import { Hono } from "hono";
import { cors } from "./middleware/cors.ts";
import { renderError, renderNotFound } from "./middleware/errors.ts";
import { requireTls } from "./middleware/https.ts";
import { requestId } from "./middleware/request-id.ts";
import type { GatewayEnv } from "./middleware/request-id.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { requireUsableConfig } from "./middleware/usable-config.ts";
import { documentRoutes } from "./routes/documents.ts";
import { eventStreamRoutes } from "./routes/events-stream.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { readingRoutes } from "./routes/reading.ts";
import { securityRoutes } from "./routes/security.ts";
import { socketRoutes } from "./routes/sockets.ts";
import { sseRoutes } from "./routes/sse.ts";

export const app = new Hono<GatewayEnv>();

app.onError(renderError);
app.notFound(renderNotFound);
app.use(requestId, securityHeaders, cors);
app.route("/", healthRoutes());
app.use(requireUsableConfig, requireTls);
app.route("/", eventStreamRoutes);
app.route("/", eventRoutes);
app.route("/", readingRoutes);
app.route("/", securityRoutes());
app.route("/", documentRoutes);
app.route("/", socketRoutes);
app.route("/", sseRoutes());
