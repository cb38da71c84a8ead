/** GET /ops/*: what operators read. `channels` tells where every stream stands; `logs` and `placement` have files of their own. */
import { Hono } from "hono";
import type { Context } from "hono";
import { streams } from "../../channels/catalogue.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { ask } from "../http/ask.ts";
import { success } from "../http/envelope.ts";
import { identify, requireOperator } from "../security/access.ts";
import { answerLogs } from "./ops-logs.ts";
import { answerPlacement, changePlacement } from "./ops-placement.ts";

type OpsContext = Context<{ Bindings: Env }>;

export function opsRoutes(clock: () => number = Date.now): Hono<{ Bindings: Env }> {
  return new Hono<{ Bindings: Env }>()
    .use("/ops/*", async (c, next) => {
      requireOperator(await identify(c, clock()));
      await next();
    })
    .get("/ops/channels", (c) => answerChannels(c))
    .get("/ops/logs", (c) => answerLogs(c, clock()))
    .get("/ops/placement", (c) => answerPlacement(c))
    .put("/ops/placement", (c) => changePlacement(c));
}

/** A stream that does not answer is listed as such: the others are what an operator needs to see then. */
async function answerChannels(c: OpsContext): Promise<Response> {
  const statuses = streams.map(async ({ name }) => {
    try {
      return { ...(await ask(channelStub(c.env, name).status({ v: 1, stream: name }), { what: name })), reachable: true };
    } catch (error) {
      logWarning("ops.channel.unreachable", { stream: name, reason: messageOf(error) });
      return { stream: name, reachable: false };
    }
  });
  return c.json(success(await Promise.all(statuses)), 200, { "cache-control": "no-store" });
}
