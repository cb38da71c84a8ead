/** GET and PUT /ops/placement: how many relays each region has, and which regions are drained. A change is kept in KV first; then the relays
 *  of regions that were drained, or serve again, are told. */
import type { Context } from "hono";
import { relayName, relayStub } from "../../durable-objects/stubs.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { locationHints, type LocationHint } from "../../platform/config.ts";
import { Placement } from "../../schemas/placement.ts";
import { readPlacement, writePlacement } from "../../stores/placement.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";

type OpsContext = Context<{ Bindings: Env }>;

const bodyBytesMax = 16_384;
const tellTimeoutMs = 3_000;
const noStore = { "cache-control": "no-store" };

export async function answerPlacement(c: OpsContext): Promise<Response> {
  return c.json(success(await ask(readPlacement(c.env.CONFIG_CACHE), { what: "placement" })), 200, noStore);
}

export async function changePlacement(c: OpsContext): Promise<Response> {
  const placement = await readJson(c.req.raw, Placement, bodyBytesMax);
  const before = await ask(readPlacement(c.env.CONFIG_CACHE), { what: "placement" });
  await ask(writePlacement(c.env.CONFIG_CACHE, placement), { what: "placement" });
  const told = await Promise.all(turned(before, placement).map((turn) => tell(c.env, turn)));
  const sent = told.reduce<number>((sum, answer) => sum + (answer.sent ?? 0), 0);
  const unreached = told.filter((answer) => answer.sent === undefined).map(({ relay }) => relay);
  return c.json(success({ ...placement, sockets_sent: sent, relays_unreached: unreached }), 200, noStore);
}

interface Turn {
  readonly relay: string;
  readonly drained: boolean;
}

/** Relays of the regions that are drained now and were not, or were and serve again. One more than configured: a region grows by itself. */
function turned(before: Placement, after: Placement): Turn[] {
  const isDrained = ({ drained }: Placement, region: LocationHint): boolean => drained.includes(region);
  return locationHints
    .filter((region) => isDrained(before, region) !== isDrained(after, region))
    .flatMap((region) => {
      const shards = Math.max(before.shards[region] ?? 1, after.shards[region] ?? 1) + 1;
      return Array.from({ length: shards }, (_, shard) => ({ relay: relayName(region, shard), drained: isDrained(after, region) }));
    });
}

async function tell(env: Env, { relay, drained }: Turn): Promise<{ readonly relay: string; readonly sent: number | undefined }> {
  try {
    const { sent } = await withTimeout(relayStub(env, relay).drain({ v: 1, drained }), tellTimeoutMs, relay);
    return { relay, sent };
  } catch (error) {
    logWarning("placement.relay.unreached", { relay, reason: messageOf(error) });
    return { relay, sent: undefined };
  }
}
