/** GET /ops/cost: the bill of the last hours, from operations that the channels counted and from what the log holds. Asking costs a call a stream
 *  and a listing of each of its hours. */
import type { Context } from "hono";
import { z } from "zod";
import { streams } from "../../channels/catalogue.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { costHoursMax } from "../../schemas/limits-cost.ts";
import type { OperationSlot } from "../../schemas/operations.ts";
import { countLogObjects } from "../../stores/log-objects-count.ts";
import { billOf, startOfSlots, type Period } from "../cost/bill.ts";
import { ask } from "../http/ask.ts";
import { success } from "../http/envelope.ts";
import { parseQuery } from "../http/query.ts";

export const CostQuery = z.object({
  hours: z.coerce
    .number()
    .int()
    .min(1)
    .max(costHoursMax)
    .default(1)
    .meta({ description: "how many hours back; whole ten minutes are counted" }),
});

export async function answerCost(c: Context<{ Bindings: Env }>, now: number): Promise<Response> {
  const { hours } = parseQuery(CostQuery, new URL(c.req.url).searchParams);
  const period = { fromMs: startOfSlots(now, hours), toMs: now };
  const asked = await Promise.all(streams.map(({ name }) => operationsOf(c.env, name, period)));
  const counted = {
    slots: asked.flatMap(({ slots }) => slots),
    logObjects: asked.reduce((sum, { logObjects }) => sum + logObjects, 0),
    unreachable: streams.map(({ name }) => name).filter((_, index) => asked[index]?.isReached !== true),
  };
  return c.json(success(billOf(counted, period)), 200, { "cache-control": "no-store" });
}

interface Asked {
  readonly slots: readonly OperationSlot[];
  readonly logObjects: number;
  readonly isReached: boolean;
}

/** A stream that does not answer is named: what the others cost is known all the same. */
async function operationsOf(env: Env, stream: string, { fromMs, toMs }: Period): Promise<Asked> {
  try {
    const [status, logObjects] = await Promise.all([
      ask(channelStub(env, stream).status({ v: 1, stream, operationsSince: fromMs }), { what: stream }),
      ask(countLogObjects(env.EDGE_LOGS, { stream, fromMs, toMs }), { what: `the log of ${stream}` }),
    ]);
    return { slots: status.operations ?? [], logObjects, isReached: true };
  } catch (error) {
    logWarning("ops.cost.unreachable", { stream, reason: messageOf(error) });
    return { slots: [], logObjects: 0, isReached: false };
  }
}
