/** Who is asking: an operator by key, a client by token, or nobody. Credentials that are shown must hold; whether they are needed,
 *  and for what they are enough, is decided in access.ts. Tokens in query strings are not read: they would reach logs. */
import { AppError } from "../../platform/errors.ts";
import { verifyToken } from "../../platform/token.ts";
import type { Claims, TokenRules } from "../../platform/token.ts";
import { isSameKey } from "./same-key.ts";

export type Reader =
  | { readonly kind: "anonymous" }
  /** Holds OPS_API_KEY: may read everything. */
  | { readonly kind: "operator" }
  | { readonly kind: "client"; readonly claims: Claims };

export interface ReaderRules {
  readonly opsKey: string;
  readonly jwt: TokenRules;
}

/** Throws UNAUTHORIZED for credentials that do not hold, saying whether a token is expired (refresh it) or invalid (do not retry). */
export async function readerOf(headers: Headers, rules: ReaderRules, nowMs: number): Promise<Reader> {
  const apiKey = headers.get("x-api-key");
  const bearer = bearerOf(headers.get("authorization"));
  if ([apiKey, bearer].some((key) => key !== undefined && key !== null && isSameKey(key, rules.opsKey))) return { kind: "operator" };
  // The owner's clients send a key beside the token; a key of another purpose must not void a valid token.
  if (bearer !== undefined) return clientOf(bearer, rules.jwt, nowMs);
  if (apiKey !== null) throw new AppError("UNAUTHORIZED", "this API key may not read");
  return { kind: "anonymous" };
}

async function clientOf(token: string, rules: TokenRules, nowMs: number): Promise<Reader> {
  const verified = await verifyToken(token, rules, nowMs);
  if (verified.ok) return { kind: "client", claims: verified.claims };
  throw new AppError("UNAUTHORIZED", verified.reason === "expired" ? "the token has expired" : "the token is not valid");
}

function bearerOf(header: string | null): string | undefined {
  if (header === null) return undefined;
  const match = /^Bearer +(\S+)$/i.exec(header.trim());
  if (match?.[1] === undefined) throw new AppError("UNAUTHORIZED", "Authorization must be: Bearer <token>");
  return match[1];
}
