/** /ops/assets: operators list, upload, look at and delete what /assets serves. */
import type { Context } from "hono";
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { logInfo } from "../../platform/log.ts";
import { assetPageDefault, assetPageMax, assetPathCharsMax, assetUploadTimeoutMs } from "../../schemas/limits.ts";
import { deleteAsset, findAsset, listAssets } from "../../stores/assets.ts";
import type { AssetFacts } from "../../stores/assets.ts";
import { ColoCache } from "../assets/colo-cache.ts";
import { parseAssetPath } from "../assets/path.ts";
import { headersOf } from "../assets/policy.ts";
import { receiveAsset } from "../assets/receive.ts";
import { matchIn, parseUploadHead } from "../assets/upload.ts";
import { ask } from "../http/ask.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";

type OpsContext = Context<{ Bindings: Env }>;

const store = { what: "the assets' store" };
const noStore = { "cache-control": "no-store" };

export const AssetQuery = z.object({
  prefix: z.string().max(assetPathCharsMax, `must have at most ${assetPathCharsMax} characters`).default(""),
  cursor: Cursor.optional(),
  limit: wholeNumber(1, assetPageMax).default(assetPageDefault),
});

/** By key: a page goes on behind the last key of the one before, whatever was uploaded or deleted meanwhile. */
const AssetCursor = z.object({ v: z.literal(1), after: z.string() });

export async function answerAssets(c: OpsContext): Promise<Response> {
  const { prefix, cursor, limit } = parseQuery(AssetQuery, new URL(c.req.url).searchParams);
  const after = cursor === undefined ? undefined : decodeCursor(AssetCursor, cursor).after;
  const { assets, hasMore } = await ask(listAssets(c.env.BACKEND_ASSETS, { prefix, after, limit }), store);
  const last = assets.at(-1);
  const next = hasMore && last !== undefined ? encodeCursor({ v: 1, after: last.key }) : undefined;
  return c.json(success(assets.map(shown), pageOf(limit, next)), 200, noStore);
}

export async function answerAsset(c: OpsContext): Promise<Response> {
  const facts = await ask(findAsset(c.env.BACKEND_ASSETS, keyOf(c)), store);
  if (facts === undefined) throw new AppError("NOT_FOUND", "there is no such asset");
  return c.json(success(shown(facts)), 200, noStore);
}

/** 201 for a new one, 200 for what replaced another or was there already. */
export async function uploadAsset(c: OpsContext): Promise<Response> {
  const key = keyOf(c);
  const head = parseUploadHead(key, c.req.raw.headers);
  const body = c.req.raw.body ?? new Blob([]).stream();
  const { facts, isNew } = await receiveAsset(key, { ...head, body }, { bucket: c.env.BACKEND_ASSETS, timeoutMs: assetUploadTimeoutMs });
  await coloCache(c).forget(key);
  logInfo("assets.put", { key, bytes: facts.bytes, is_new: isNew });
  return c.json(success(shown(facts)), isNew && head.condition.kind === "absent" ? 201 : 200, noStore);
}

/** May come twice: what is not there is deleted already. */
export async function removeAsset(c: OpsContext): Promise<Response> {
  const key = keyOf(c);
  const match = matchIn(c.req.raw.headers);
  const facts = await ask(findAsset(c.env.BACKEND_ASSETS, key), store);
  if (match !== undefined && facts !== undefined && facts.etag !== match) {
    throw new AppError("CONFLICT", "the asset is not the one the precondition names", { status: 412, details: { etag: facts.etag } });
  }
  if (facts !== undefined) await ask(deleteAsset(c.env.BACKEND_ASSETS, key), store);
  await coloCache(c).forget(key);
  logInfo("assets.deleted", { key, was_there: facts !== undefined });
  return c.json(success({ path: key, deleted: facts !== undefined }), 200, noStore);
}

function keyOf(c: OpsContext): string {
  return parseAssetPath(new URL(c.req.url).pathname.slice("/ops/assets/".length));
}

function coloCache(c: OpsContext): ColoCache {
  return new ColoCache(caches.default, new URL(c.req.url).origin);
}

function shown({ key, bytes, etag, uploadedMs, sha256 }: AssetFacts): Record<string, unknown> {
  const { "content-type": type, "cache-control": cacheControl } = headersOf(key);
  return {
    path: key,
    url: `/assets/${key}`,
    bytes,
    etag,
    ...(sha256 === undefined ? {} : { sha256 }),
    uploaded: new Date(uploadedMs).toISOString(),
    content_type: type,
    cache_control: cacheControl,
  };
}
