/** What somebody with an API key gets when he asks for a token: the session it opens, never with more than he has himself. Pure. */
import { narrowGrants } from "../../channels/narrow.ts";
import { AppError } from "../../platform/errors.ts";
import { operatorClient, type ApiClient, type ChannelMap, type Session } from "../../schemas/sessions.ts";
import { sessionSeconds, tokenSecondsMax } from "../../schemas/token-limits.ts";

/** OPS_API_KEY may mint anything. */
export type Minter = { readonly kind: "operator" } | { readonly kind: "client"; readonly client: ApiClient };

export interface Wanted {
  readonly sub?: string | undefined;
  readonly role?: string | undefined;
  readonly channels?: ChannelMap | undefined;
  readonly ttl_seconds?: number | undefined;
}

export interface MintAt {
  readonly nowMs: number;
  readonly sessionId: string;
  /** JWT_EXPIRY. */
  readonly lifetimeSeconds: number;
}

/** Throws FORBIDDEN, naming what was asked for beyond the client's own. */
export function draftSession(minter: Minter, wanted: Wanted, { nowMs, sessionId, lifetimeSeconds }: MintAt): Session {
  const { role, channels } = minter.kind === "operator" ? wanted : grantsOf(minter.client, wanted);
  const lifetime = lifetimeOf(minter, wanted, lifetimeSeconds);
  return {
    sessionId,
    userId: wanted.sub ?? minterName(minter),
    clientId: minter.kind === "operator" ? operatorClient : minter.client.clientId,
    role,
    channels,
    lifetimeSeconds: lifetime,
    generation: 0,
    createdMs: nowMs,
    rotatedMs: nowMs,
    expiresMs: nowMs + Math.max(sessionSeconds, lifetime) * 1_000,
    revokedMs: undefined,
    revokedFor: undefined,
  };
}

/** As audit and tokens name it. */
export function minterName(minter: Minter): string {
  return minter.kind === "operator" ? operatorClient : `client:${minter.client.clientId}`;
}

function grantsOf({ role, channels }: ApiClient, wanted: Wanted): Pick<Session, "role" | "channels"> {
  const narrowed = narrowGrants({ role, channels }, { role: wanted.role, channels: wanted.channels });
  if (!narrowed.ok) throw beyond(narrowed.beyond, "this client has nothing of it");
  return { role: narrowed.grants.role, channels: narrowed.grants.channels };
}

/** What was asked for must be within the client's cap; what was not asked for fits under it. */
function lifetimeOf(minter: Minter, { ttl_seconds: asked }: Wanted, lifetimeSeconds: number): number {
  const cap = minter.kind === "operator" ? tokenSecondsMax : minter.client.lifetimeSecondsMax;
  if (asked !== undefined && asked > cap) throw beyond("ttl_seconds", `this client's tokens live ${cap} seconds at most`);
  return asked ?? Math.min(lifetimeSeconds, cap);
}

function beyond(parameter: string, message: string): AppError {
  return new AppError("FORBIDDEN", `${parameter}: ${message}`, { details: { parameter } });
}
