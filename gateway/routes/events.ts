/** `POST /api/events` and the webhook: the one way in (CONTRACT 3). */
import { Hono } from "hono";
import { ingestDeps } from "../../producers/ingest/deps.ts";
import { ingest, parseDelivery } from "../../producers/ingest/index.ts";
import { success } from "../http/envelope.ts";
import { methodNotAllowed } from "../middleware/errors.ts";
import { keepAlive } from "../middleware/guard.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { announcing } from "../optimisation/cache/ingested.ts";
import { admitPoster } from "../security/posters.ts";

export const eventRoutes = new Hono<GatewayEnv>();

/** The second address is the owner's own for its webhook; what is posted tells itself, so both take the same. */
for (const path of ["/api/events", "/api/webhook/contabo"]) {
  eventRoutes.post(path, async (c) => {
    const { request, signed, sender } = await admitPoster(c, Date.now());
    const delivery = parseDelivery(c.req.query("delivery"));
    const deps = announcing(ingestDeps(c.env, sender), (work) => keepAlive(c, work));
    return c.json(success(await ingest(request, { delivery, signed }, deps)), 202);
  });
  eventRoutes.all(path, methodNotAllowed("POST"));
}
