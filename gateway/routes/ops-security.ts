/** The operators' addresses for tokens: who may mint them, and what was decided about them. */
import { Hono } from "hono";
import { methodNotAllowed } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { answerAudit } from "./ops-audit.ts";
import { answerClients, createClient, deleteClient } from "./ops-clients.ts";

export function opsSecurityRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .get("/ops/audit", (c) => answerAudit(c, clock()))
    .get("/ops/clients", (c) => answerClients(c))
    .post("/ops/clients", (c) => createClient(c, clock()))
    .delete("/ops/clients/:id", (c) => deleteClient(c, clock()))
    .all("/ops/audit", methodNotAllowed("GET"))
    .all("/ops/clients", methodNotAllowed("GET, POST"))
    .all("/ops/clients/:id", methodNotAllowed("DELETE"));
}
