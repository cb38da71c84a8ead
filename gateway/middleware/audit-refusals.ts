/** Puts on record who was refused for his credentials: counted, because a flood of refusals must not cost a write each. What limits, bans and
 *  the firewall refuse is recorded where it is decided. */
import { createMiddleware } from "hono/factory";
import { countRefusal } from "../security/audit.ts";
import { addressOf, networkOf } from "../security/client-address.ts";
import { keepAlive } from "./guard.ts";
import type { GatewayEnv } from "./request-id.ts";

const folderCharsMax = 32;

export const auditRefusals = createMiddleware<GatewayEnv>(async (c, next) => {
  await next();
  const { status } = c.res;
  if (status !== 401 && status !== 403) return;
  const address = addressOf(c.req.raw.headers);
  // The first name of the path: whole paths hold ids, and each would be an entry of its own.
  const subject = c.req.path.split("/", 2).join("/").slice(0, folderCharsMax);
  const action = subject === "/security" ? "token.refused" : "access.refused";
  const network = address === undefined ? undefined : networkOf(address);
  const waitUntil = (work: Promise<unknown>): void => keepAlive(c, work);
  countRefusal(
    c.env,
    { waitUntil },
    { action, actor: "anonymous", subject, address: network, requestId: c.get("requestId"), details: { status } },
  );
});
