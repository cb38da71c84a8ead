/** Refresh tokens: a session's name, the number of its refresh, and our seal over both. The seal is checked without asking D1, so a forged
 *  token costs nothing and cannot end a session; which number is current only D1 says. */
import { createHmac } from "node:crypto";
import { derivedKey } from "./derived-keys.ts";
import { isSameKey } from "./same-key.ts";

export interface RefreshClaim {
  readonly sessionId: string;
  readonly generation: number;
}

const form = /^rt1\.([\w-]{22})\.(0|[1-9]\d{0,7})\.([\w-]{43})$/;

/** The same claim is always the same text: whoever asks twice gets the same successor. */
export function refreshToken(claim: RefreshClaim, secret: string): string {
  return `${body(claim)}.${seal(body(claim), secret)}`;
}

/** Undefined for what none of the secrets sealed. */
export function readRefreshToken(text: string, secrets: readonly string[]): RefreshClaim | undefined {
  const [, sessionId, number, given = ""] = form.exec(text) ?? [];
  if (sessionId === undefined) return undefined;
  const claim = { sessionId, generation: Number(number) };
  // All are compared, whatever the outcome.
  const isOurs = secrets.map((secret) => isSameKey(given, seal(body(claim), secret))).includes(true);
  return isOurs ? claim : undefined;
}

function body({ sessionId, generation }: RefreshClaim): string {
  return `rt1.${sessionId}.${generation}`;
}

function seal(text: string, secret: string): string {
  return createHmac("sha256", derivedKey(secret, "refresh-tokens")).update(text).digest("base64url");
}
