/** Answers GET and HEAD of one asset, from this colo's cache or from R2. Acts on what conditions.ts and policy.ts decide. */
import { AppError } from "../../platform/errors.ts";
import { assetCachedBytesMax } from "../../schemas/limits.ts";
import { findAsset, openAsset } from "../../stores/assets.ts";
import type { AssetFacts, AssetRange } from "../../stores/assets.ts";
import { ask } from "../http/ask.ts";
import type { CachedAsset, ColoCache } from "./colo-cache.ts";
import { isConditional, verdictOf } from "./conditions.ts";
import type { Verdict, Wish } from "./conditions.ts";
import { headersOf } from "./policy.ts";

export interface ServeDeps {
  readonly bucket: R2Bucket;
  readonly cache: ColoCache;
  readonly nowMs: number;
  /** What may go on after the answer. */
  later(work: Promise<void>): void;
}

/** 416, whose answer also names the size in a header. */
export class UnsatisfiableRange extends AppError {
  readonly bytes: number;

  constructor(bytes: number) {
    super("INVALID_PARAMETERS", `range: the asset has ${bytes} bytes`, { status: 416, details: { parameter: "range" } });
    this.bytes = bytes;
  }
}

const asset = { what: "the assets' store" };
/** An asset that is replaced while it is being asked for: twice in a row is somebody's loop. */
const triesMax = 3;

/** Throws NOT_FOUND, CONFLICT (412) and UPSTREAM_*. */
export async function serveAsset(key: string, wish: Wish, deps: ServeDeps): Promise<Response> {
  const cached = await deps.cache.find(key, deps.nowMs);
  if (cached !== undefined) return fromCache(wish, cached);
  for (let attempt = 0; attempt < triesMax; attempt += 1) {
    const answer = await fromStore(key, wish, deps);
    if (answer !== undefined) return answer;
  }
  throw new AppError("UPSTREAM_UNAVAILABLE", "the asset is being replaced", { retryAfterSeconds: 1 });
}

function fromCache(wish: Wish, { facts, ageSeconds, bytes }: CachedAsset): Response {
  const verdict = verdictOf(wish, facts);
  const headers = { age: String(ageSeconds), "cache-status": "arbitragex; hit" };
  if (verdict.kind === "range")
    return partOf(facts, verdict.range, { body: bytes.slice(verdict.range.offset, endOf(verdict.range)), headers });
  return withoutRange(verdict, facts, { body: wish.method === "HEAD" ? null : bytes, headers });
}

/** Undefined when the asset was replaced in between. */
async function fromStore(key: string, wish: Wish, deps: ServeDeps): Promise<Response | undefined> {
  const headers = { "cache-status": "arbitragex; fwd=uri-miss" };
  if (wish.method === "GET" && !isConditional(wish)) return openWhole(key, undefined, { ...deps, headers });
  const facts = found(await ask(findAsset(deps.bucket, key), asset));
  const verdict = verdictOf(wish, facts);
  if (verdict.kind === "whole" && wish.method === "GET") return openWhole(key, facts.etag, { ...deps, headers });
  if (verdict.kind !== "range") return withoutRange(verdict, facts, { body: null, headers });
  const opened = await ask(openAsset(deps.bucket, key, { etag: facts.etag, range: verdict.range }), asset);
  return opened === undefined ? undefined : partOf(facts, verdict.range, { body: opened.body, headers });
}

type Extra = Readonly<Record<string, string>>;

async function openWhole(key: string, etag: string | undefined, deps: ServeDeps & { headers: Extra }): Promise<Response | undefined> {
  const { bucket, cache, nowMs, headers } = deps;
  const opened = await ask(openAsset(bucket, key, etag === undefined ? {} : { etag }), asset);
  if (opened === undefined) {
    if (etag === undefined) throw notFound();
    return undefined;
  }
  const { facts, body } = opened;
  if (facts.bytes > assetCachedBytesMax) return withoutRange({ kind: "whole" }, facts, { body, headers });
  const bytes = new Uint8Array(await ask(new Response(body).arrayBuffer(), asset));
  deps.later(cache.put(facts, bytes, nowMs));
  return withoutRange({ kind: "whole" }, facts, { body: bytes, headers: { "cache-status": "arbitragex; fwd=uri-miss; stored" } });
}

interface Content {
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  readonly headers: Extra;
}

function withoutRange(verdict: Exclude<Verdict, { kind: "range" }>, facts: AssetFacts, { body, headers: extra }: Content): Response {
  const headers = new Headers({ ...factHeaders(facts), ...extra });
  switch (verdict.kind) {
    case "whole":
      headers.set("content-length", String(facts.bytes));
      return new Response(body, { headers });
    case "not-modified":
      headers.delete("content-type");
      return new Response(null, { status: 304, headers });
    case "precondition-failed":
      throw new AppError("CONFLICT", "the asset is not the one the precondition names", { status: 412 });
    case "unsatisfiable":
      throw new UnsatisfiableRange(facts.bytes);
  }
}

function partOf(facts: AssetFacts, range: AssetRange, { body, headers: extra }: Content): Response {
  const headers = new Headers({ ...factHeaders(facts), ...extra });
  headers.set("content-range", `bytes ${range.offset}-${endOf(range) - 1}/${facts.bytes}`);
  headers.set("content-length", String(range.length));
  return new Response(body, { status: 206, headers });
}

function factHeaders({ key, etag, uploadedMs }: AssetFacts): Record<string, string> {
  return { ...headersOf(key), etag, "last-modified": new Date(uploadedMs).toUTCString(), "accept-ranges": "bytes" };
}

function endOf({ offset, length }: AssetRange): number {
  return offset + length;
}

function found(facts: AssetFacts | undefined): AssetFacts {
  if (facts === undefined) throw notFound();
  return facts;
}

function notFound(): AppError {
  return new AppError("NOT_FOUND", "there is no such asset");
}
