/** POST /security/revoke: an operator ends one token by its `jti`, or all that a user holds by `sub`, before they expire; whoever holds a
 *  session's token or its refresh token ends that session. Stored first, so that whoever is not told reads it; then the relays are told,
 *  which close the sockets at once. */
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import type { Revocation } from "../../schemas/revocation.ts";
import { SessionId } from "../../schemas/sessions.ts";
import { revoke } from "../../stores/sessions.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { identify, isAllowed, requireOperator } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { secretsOf } from "../security/derived-keys.ts";
import { readRefreshToken } from "../security/mint-refresh-token.ts";
import type { Reader } from "../security/reader.ts";
import { revocationsOf } from "../security/revocations.ts";
import { endNamed } from "./security-sessions.ts";
import { noStore, type SecurityContext, type SecurityDeps } from "./security-deps.ts";

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
    session_id: SessionId.optional(),
    refresh_token: Name.optional(),
    until: z.iso.datetime({ offset: true, error: "must be an RFC 3339 time" }).optional(),
  })
  .refine(({ until: _, ...names }) => Object.values(names).filter((name) => name !== undefined).length <= 1, {
    error: "name the token, the user or the session",
    path: ["jti"],
  });
type RevokeBody = z.infer<typeof RevokeBody>;

export async function answerRevoke(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const body = c.req.raw.body === null ? {} : await readJson(c.req.raw, RevokeBody, bodyBytesMax);
  // Whoever holds a refresh token needs no other credentials: his access token may have run out.
  if (body.refresh_token !== undefined)
    return endNamed(c, deps, { sessionId: sessionOf(c.env, body.refresh_token), nowMs, reader: "holder" });
  const reader = await identify(c, nowMs);
  if (reader.kind === "anonymous") requireOperator(reader);
  const sessionId = body.session_id ?? (body.jti === undefined && body.sub === undefined ? ownSession(reader) : undefined);
  if (sessionId !== undefined) return endNamed(c, deps, { sessionId, nowMs, reader });
  requireOperator(reader);
  return answerRevocation(c, deps, { revocation: revocationOf(body, nowMs), reader });
}

function sessionOf(env: Env, token: string): string {
  const claim = readRefreshToken(token, secretsOf(env));
  if (claim === undefined) throw new AppError("UNAUTHORIZED", "the refresh token is not valid", { details: { reason: "invalid" } });
  return claim.sessionId;
}

function ownSession(reader: Reader): string {
  const own = reader.kind === "client" ? reader.claims.sid : undefined;
  if (own !== undefined) return own;
  if (isAllowed(reader, "operate")) {
    throw new AppError("INVALID_PARAMETERS", "jti: name the token, the user or the session", { details: { parameter: "jti" } });
  }
  throw new AppError("FORBIDDEN", "this token belongs to no session of ours");
}

interface Named {
  readonly revocation: Revocation;
  readonly reader: Reader;
}

async function answerRevocation(c: SecurityContext, deps: SecurityDeps, { revocation, reader }: Named): Promise<Response> {
  const { kind, value, untilMs, revokedMs: nowMs } = revocation;
  const entry = {
    ...askedBy(c, reader),
    action: "token.revoked" as const,
    subject: `${kind}:${value}`,
    timeMs: nowMs,
    firstMs: nowMs,
    count: 1,
  };
  const stored = await ask(revoke(c.env, revocation, entry), { what: "the list of revocations" });
  if (!stored) throw new AppError("CAPACITY_EXCEEDED", "too many revocations are live", { retryAfterSeconds: 3_600 });
  revocationsOf(c.env).add(revocation);
  const { closed, unreached } = await deps.tell(c.env, revocation);
  const data = { [kind]: value, until: new Date(untilMs).toISOString(), sockets_closed: closed, relays_unreached: unreached };
  return c.json(success(data), 200, noStore);
}

function revocationOf({ jti, sub, until }: RevokeBody, nowMs: number): Revocation {
  const untilMs = until === undefined ? nowMs + untilDefaultMs : Date.parse(until);
  if (untilMs <= nowMs || untilMs > nowMs + untilMsMax) {
    throw new AppError("INVALID_PARAMETERS", "until: must lie ahead, by 400 days at most", { details: { parameter: "until" } });
  }
  const named = jti === undefined ? { kind: "sub" as const, value: sub ?? "" } : { kind: "jti" as const, value: jti };
  return { ...named, revokedMs: nowMs, untilMs };
}
