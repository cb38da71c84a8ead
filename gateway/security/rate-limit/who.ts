/** Whose allowance a request uses: a user's or an operator's by the credential shown, else the client's address. A credential that does not
 *  hold says nothing, so its request counts for the address it came from; where it is refused is the caller's to say. */
import { AppError } from "../../../platform/errors.ts";
import type { Tier } from "../../../schemas/runtime-config.ts";
import { identify, isAllowed } from "../access.ts";
import type { Reader } from "../reader.ts";

export interface Who {
  readonly name: string;
  readonly tier: Tier;
  /** Why the credential does not hold. */
  readonly refusal?: AppError;
}

export interface Asker {
  readonly env: Env;
  readonly request: Request;
  readonly client: string | undefined;
}

/** A promise only when there is a credential to check. */
export function whoAsks(asker: Asker, nowMs: number): Who | Promise<Who> {
  const { headers } = asker.request;
  return headers.has("authorization") || headers.has("x-api-key") ? byCredential(asker, nowMs) : byAddress(asker);
}

/** Those whose address is not known are one client. */
export function byAddress({ client }: Pick<Asker, "client">): Who {
  return { name: `ip:${client ?? "unknown"}`, tier: "anonymous" };
}

async function byCredential(asker: Asker, nowMs: number): Promise<Who> {
  try {
    const reader = await identify({ env: asker.env, req: { raw: asker.request } }, nowMs);
    return nameOf(reader) ?? byAddress(asker);
  } catch (error) {
    if (error instanceof AppError) return error.code === "UNAUTHORIZED" ? { ...byAddress(asker), refusal: error } : byAddress(asker);
    throw error;
  }
}

/** A token without a user is one of its own. */
function nameOf(reader: Reader): Who | undefined {
  if (reader.kind === "operator") return { name: "operator", tier: "operator" };
  if (reader.kind !== "client") return undefined;
  const { sub, jti } = reader.claims;
  if (sub === undefined && jti === undefined) return undefined;
  return { name: sub === undefined ? `token:${jti}` : `user:${sub}`, tier: isAllowed(reader, "operate") ? "operator" : "user" };
}
