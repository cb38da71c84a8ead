/** API clients: who may mint, by which key. A key names its client and carries 256 random bits, of which only the hash is kept. */
import { base64url } from "jose";
import { sha256Hex } from "../../platform/bytes.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { findApiClient } from "../../stores/api-clients.ts";
import { ask } from "../http/ask.ts";
import type { Minter } from "./mint.ts";
import { isSameKey } from "./same-key.ts";

/** Recognisable to whoever scans code for secrets that were left in it. */
const form = /^axk_([0-9a-f]{16})_([\w-]{43})$/;

export interface NewApiKey {
  readonly clientId: string;
  /** Shown once. */
  readonly key: string;
  readonly keyHash: string;
}

export function newApiKey(): NewApiKey {
  const clientId = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  const key = `axk_${clientId}_${base64url.encode(crypto.getRandomValues(new Uint8Array(32)))}`;
  return { clientId, key, keyHash: sha256Hex(key) };
}

/** Who asks for tokens. Each credential that is shown may be the one: a key of another purpose, or a token, beside it voids nothing.
 *  Throws UNAUTHORIZED when there is none that may mint. */
export async function minterOf(env: Env, headers: Headers): Promise<Minter> {
  const shown = shownKeys(headers);
  if (shown.some((key) => isSameKey(key, configOf(env).opsKey))) return { kind: "operator" };
  for (const key of shown) {
    const minter = await clientOf(env, key);
    if (minter !== undefined) return minter;
  }
  throw new AppError("UNAUTHORIZED", "tokens are minted by API key: send one as `X-API-Key` or `Authorization: Bearer`");
}

async function clientOf(env: Env, key: string): Promise<Minter | undefined> {
  const clientId = form.exec(key)?.[1];
  if (clientId === undefined) return undefined;
  const client = await ask(findApiClient(env, clientId), { what: "the list of API clients" });
  return client !== undefined && isSameKey(sha256Hex(key), client.keyHash) ? { kind: "client", client } : undefined;
}

function shownKeys(headers: Headers): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [headers.get("x-api-key"), bearer].flatMap((key) => (typeof key === "string" && key !== "" ? [key] : []));
}
