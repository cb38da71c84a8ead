/** `POST /api/events`: the one way in (CONTRACT 3). */
import { Hono } from "hono";
import { ingestDeps } from "../../producers/ingest/deps.ts";
import { ingest, parseDelivery } from "../../producers/ingest/index.ts";
import { success } from "../http/envelope.ts";
import { methodNotAllowed } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { requireIngestKey } from "../security/ingest-keys.ts";

export const eventRoutes = new Hono<GatewayEnv>();

eventRoutes.post("/api/events", requireIngestKey, async (c) => {
  const delivery = parseDelivery(c.req.query("delivery"));
  return c.json(success(await ingest(c.req.raw, delivery, ingestDeps(c.env))), 202);
});
eventRoutes.all("/api/events", methodNotAllowed("POST"));
