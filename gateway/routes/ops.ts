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
import { answerAsset, answerAssets, removeAsset, uploadAsset } from "./ops-assets.ts";
import { answerBackend } from "./ops-backend.ts";
import { backupRoutes } from "./ops-backups.ts";
import { answerCache, purgeCache } from "./ops-cache.ts";
import { deadLetterRoutes } from "./ops-dead-letters.ts";
import { answerCost } from "./ops-cost.ts";
import { answerDoctor } from "./ops-doctor.ts";
import { holdRoutes } from "./ops-log-holds.ts";
import { answerLogHours, markLogHour } from "./ops-log-hours.ts";
import { answerLogs } from "./ops-logs.ts";
import { answerPlacement, changePlacement } from "./ops-placement.ts";
import { replayRoutes } from "./ops-replays.ts";
import { restoreRoutes } from "./ops-restores.ts";
import { rulesRoutes } from "./ops-rules.ts";
import { opsSecurityRoutes } from "./ops-security.ts";

type OpsContext = Context<{ Bindings: Env }>;

export function opsRoutes(clock: () => number = Date.now): Hono<{ Bindings: Env }> {
  return new Hono<{ Bindings: Env }>()
    .use("/ops/*", async (c, next) => {
      requireOperator(await identify(c, clock()));
      await next();
    })
    .get("/ops/assets", (c) => answerAssets(c))
    .get("/ops/assets/*", (c) => answerAsset(c))
    .put("/ops/assets/*", (c) => uploadAsset(c))
    .delete("/ops/assets/*", (c) => removeAsset(c))
    .get("/ops/backend", (c) => answerBackend(c))
    .get("/ops/cache", (c) => answerCache(c))
    .post("/ops/cache/purge", (c) => purgeCache(c, clock()))
    .get("/ops/channels", (c) => answerChannels(c))
    .get("/ops/cost", (c) => answerCost(c, clock()))
    .get("/ops/doctor", (c) => answerDoctor(c, clock))
    .get("/ops/logs", (c) => answerLogs(c, clock()))
    .get("/ops/logs/hours", (c) => answerLogHours(c, clock()))
    .post("/ops/logs/hours", (c) => markLogHour(c, clock()))
    .get("/ops/placement", (c) => answerPlacement(c))
    .put("/ops/placement", (c) => changePlacement(c))
    .route("/", backupRoutes(clock))
    .route("/", deadLetterRoutes(clock))
    .route("/", restoreRoutes(clock))
    .route("/", replayRoutes(clock))
    .route("/", holdRoutes(clock))
    .route("/", rulesRoutes(clock))
    .route("/", opsSecurityRoutes(clock));
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
