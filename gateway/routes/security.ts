/** /security/*: tokens are minted, refreshed, looked at and ended here, one file an address. Wiring only. */
import { Hono } from "hono";
import { methodNotAllowed } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { tellRelays } from "../security/revocations.ts";
import type { SecurityDeps } from "./security-deps.ts";
import { answerKeys, answerRotate } from "./security-keys.ts";
import { answerRevoke } from "./security-revoke.ts";
import { answerEndSession, answerSessions } from "./security-sessions.ts";
import { answerRefresh, answerToken } from "./security-token.ts";
import { answerVerify } from "./security-verify.ts";

const platformDeps: SecurityDeps = { clock: Date.now, tell: tellRelays };

export function securityRoutes(deps: SecurityDeps = platformDeps): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .post("/security/token", (c) => answerToken(c, deps))
    .post("/security/refresh", (c) => answerRefresh(c, deps))
    .post("/security/revoke", (c) => answerRevoke(c, deps))
    .post("/security/verify", (c) => answerVerify(c, deps))
    .get("/security/sessions", (c) => answerSessions(c, deps))
    .delete("/security/sessions/:id", (c) => answerEndSession(c, deps))
    .post("/security/keys/rotate", (c) => answerRotate(c, deps))
    .get("/.well-known/jwks.json", (c) => answerKeys(c, deps))
    .on(
      "ALL",
      ["/security/token", "/security/refresh", "/security/revoke", "/security/verify", "/security/keys/rotate"],
      methodNotAllowed("POST"),
    )
    .on("ALL", ["/security/sessions", "/.well-known/jwks.json"], methodNotAllowed("GET"))
    .all("/security/sessions/:id", methodNotAllowed("DELETE"));
}
