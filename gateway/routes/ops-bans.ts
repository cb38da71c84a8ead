/** /ops/bans: networks that operators keep out, each until a time, and clients that this isolate's penalty box keeps out for the moment. */
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { parseNetwork } from "../../platform/network.ts";
import { bansMax } from "../../schemas/limits-requests.ts";
import { BanNetwork, strictly } from "../../schemas/runtime-config.ts";
import type { Ban } from "../../schemas/runtime-config.ts";
import { dropBan, putBan, readBans } from "../../stores/runtime-config.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { parseQuery } from "../http/query.ts";
import { identify } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { configStore, record, spread } from "../security/change-config.ts";
import type { RulesContext } from "../security/change-config.ts";
import { networkOf } from "../security/client-address.ts";
import { counters } from "../security/ddos/counters.ts";

const noStore = { "cache-control": "no-store" };
const untilDefaultMs = 3_600_000;
/** Addresses change hands: who must stay out for longer belongs into the firewall. */
const untilMsMax = 30 * 24 * 3_600_000;

export const BanBody = z.object({
  network: BanNetwork,
  reason: z.string().trim().min(1, "must not be empty").max(200),
  until: z.iso.datetime({ offset: true, error: "must be an RFC 3339 time" }).optional(),
});
export const BanQuery = z.object({ network: BanNetwork });

export async function answerBans(c: RulesContext, nowMs: number): Promise<Response> {
  const bans = await ask(readBans(c.env, nowMs), configStore);
  const automatic = counters.box.list(nowMs).map(({ client, untilMs, strikes }) => ({ client, until: timeOf(untilMs), strikes }));
  return c.json(success({ bans: bans.map(shown), automatic_here: automatic }), 200, noStore);
}

/** A network that is banned already gets the new terms. */
export async function addBan(c: RulesContext, nowMs: number): Promise<Response> {
  const body = await readJson(c.req.raw, strictly(BanBody), 4_096);
  const untilMs = body.until === undefined ? nowMs + untilDefaultMs : Date.parse(body.until);
  if (untilMs <= nowMs || untilMs > nowMs + untilMsMax) {
    throw new AppError("INVALID_PARAMETERS", "until: must lie ahead, by 30 days at most", { details: { parameter: "until" } });
  }
  const asked = askedBy(c, await identify(c, nowMs));
  const ban: Ban = { network: spelt(body.network), reason: body.reason, actor: asked.actor, createdMs: nowMs, untilMs };
  await record(c, { ...asked, action: "ban.set", subject: ban.network, details: { reason: ban.reason, until: timeOf(untilMs) } });
  if (!(await ask(putBan(c.env, ban, nowMs), configStore))) {
    throw new AppError("CAPACITY_EXCEEDED", `more than ${bansMax} bans are live: ban wider networks`, { retryAfterSeconds: 3_600 });
  }
  await spread(c, nowMs);
  return c.json(success(shown(ban)), 201, noStore);
}

/** Also forgives the client what this isolate holds against it. May come twice. */
export async function liftBan(c: RulesContext, nowMs: number): Promise<Response> {
  const network = spelt(parseQuery(BanQuery, new URL(c.req.url).searchParams).network);
  const asked = askedBy(c, await identify(c, nowMs));
  await record(c, { ...asked, action: "ban.lifted", subject: network });
  const wasBanned = await ask(dropBan(c.env, network), configStore);
  counters.box.forgive(networkOf(network.replace(/\/\d+$/, "")));
  await spread(c, nowMs);
  return c.json(success({ network, was_banned: wasBanned }), 200, noStore);
}

function spelt(network: string): string {
  return parseNetwork(network)?.text ?? network;
}

function shown({ network, reason, actor, createdMs, untilMs }: Ban): object {
  return { network, reason, actor, since: timeOf(createdMs), until: timeOf(untilMs) };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
