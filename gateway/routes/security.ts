/** POST /security/revoke: an operator ends one token by its `jti`, or all a user holds by `sub`, before they expire. Stored first, so that
 *  whoever is not told reads it; then the relays are told, which close the sockets at once. */
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import type { Revocation } from "../../schemas/revocation.ts";
import { putRevocation } from "../../stores/revocations.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { methodNotAllowed } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { identify, requireOperator } from "../security/access.ts";
import { revocationsOf, tellRelays, type Told } from "../security/revocations.ts";

export interface SecurityDeps {
  clock(): number;
  tell(env: Env, revocation: Revocation): Promise<Told>;
}

const platformDeps: SecurityDeps = { clock: Date.now, tell: tellRelays };

const dayMs = 24 * 3_600_000;
/** No token of ours or the owner's lives longer; an entry that ends before its token would give it back. */
const untilDefaultMs = 30 * dayMs;
const untilMsMax = 400 * dayMs;
const bodyBytesMax = 4_096;

const Name = z.string().min(1, "must not be empty").max(256);

export const RevokeBody = z
  .strictObject({
    jti: Name.optional(),
    sub: Name.optional(),
    until: z.iso.datetime({ offset: true, error: "must be an RFC 3339 time" }).optional(),
  })
  .refine(({ jti, sub }) => (jti === undefined) !== (sub === undefined), { error: "name either the token or the user", path: ["jti"] });

export function securityRoutes(deps: SecurityDeps = platformDeps): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>().post("/security/revoke", (c) => answerRevoke(c, deps)).all("/security/revoke", methodNotAllowed("POST"));
}

async function answerRevoke(c: Context<GatewayEnv>, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  requireOperator(await identify(c, nowMs));
  const revocation = revocationOf(await readJson(c.req.raw, RevokeBody, bodyBytesMax), nowMs);
  const stored = await ask(putRevocation(c.env, revocation, nowMs), { what: "the list of revocations" });
  if (!stored) throw new AppError("CAPACITY_EXCEEDED", "too many revocations are live", { retryAfterSeconds: 3_600 });
  revocationsOf(c.env).add(revocation);
  const { closed, unreached } = await deps.tell(c.env, revocation);
  const { kind, value, untilMs } = revocation;
  const data = { [kind]: value, until: new Date(untilMs).toISOString(), sockets_closed: closed, relays_unreached: unreached };
  return c.json(success(data), 200, { "cache-control": "no-store" });
}

function revocationOf({ jti, sub, until }: z.infer<typeof RevokeBody>, nowMs: number): Revocation {
  const untilMs = until === undefined ? nowMs + untilDefaultMs : Date.parse(until);
  if (untilMs <= nowMs || untilMs > nowMs + untilMsMax) {
    throw new AppError("INVALID_PARAMETERS", "until: must lie ahead, by 400 days at most", { details: { parameter: "until" } });
  }
  const named = jti === undefined ? { kind: "sub" as const, value: sub ?? "" } : { kind: "jti" as const, value: jti };
  return { ...named, revokedMs: nowMs, untilMs };
}
