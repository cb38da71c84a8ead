/** The operators' addresses about who may come how often: configuration, firewall, bans, limits. Who is an operator is checked before them, in
 *  ops.ts. */
import { Hono } from "hono";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { addBan, answerBans, liftBan } from "./ops-bans.ts";
import { answerConfig, answerHistory, replaceConfig, rollBack } from "./ops-config.ts";
import { answerFirewall, replaceFirewall } from "./ops-firewall.ts";
import { tryFirewall } from "./ops-firewall-trial.ts";
import { answerLimits } from "./ops-limits.ts";

export function rulesRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .get("/ops/config", (c) => answerConfig(c, clock()))
    .put("/ops/config", (c) => replaceConfig(c, clock()))
    .get("/ops/config/history", (c) => answerHistory(c))
    .post("/ops/config/rollback", (c) => rollBack(c, clock()))
    .get("/ops/firewall", (c) => answerFirewall(c))
    .put("/ops/firewall", (c) => replaceFirewall(c, clock()))
    .post("/ops/firewall/test", (c) => tryFirewall(c))
    .get("/ops/bans", (c) => answerBans(c, clock()))
    .post("/ops/bans", (c) => addBan(c, clock()))
    .delete("/ops/bans", (c) => liftBan(c, clock()))
    .get("/ops/limits", (c) => answerLimits(c, clock()));
}
