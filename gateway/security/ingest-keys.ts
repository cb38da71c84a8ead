/** Who may post events: holders of one of INGEST_API_KEYS. Several are valid at once, so that keys can be rotated. */
import { createMiddleware } from "hono/factory";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { isSameKey } from "./same-key.ts";

export const requireIngestKey = createMiddleware<GatewayEnv>(async (c, next) => {
  if (!holdsIngestKey(c.req.raw.headers, configOf(c.env).ingestKeys)) {
    throw new AppError("UNAUTHORIZED", "send an ingest key as `Authorization: Bearer` or `X-API-Key`");
  }
  await next();
});

export function holdsIngestKey(headers: Headers, keys: readonly string[]): boolean {
  return presentedKeys(headers).some((key) => isKeyOf(keys, key));
}

/** Callers of the owner's backend send both headers: either may hold the key. */
function presentedKeys(headers: Headers): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const apiKey = headers.get("x-api-key");
  return [bearer, apiKey].filter((key): key is string => typeof key === "string" && key !== "");
}

/** Compares with every key, whatever the outcome: the time taken says nothing about which one matched. */
export function isKeyOf(keys: readonly string[], presented: string): boolean {
  return keys.map((key) => isSameKey(presented, key)).includes(true);
}
