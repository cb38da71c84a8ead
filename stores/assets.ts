/** Assets in R2 (BACKEND_ASSETS), one object a path. Decides what is stored and under which condition; who may, and what a browser is told
 *  of it, is decided in gateway/assets. */

export interface AssetFacts {
  readonly key: string;
  readonly bytes: number;
  /** As HTTP has it, strong and in quotes. */
  readonly etag: string;
  readonly uploadedMs: number;
  /** Hex; of what was uploaded with its digest. */
  readonly sha256: string | undefined;
}

export interface AssetRange {
  readonly offset: number;
  readonly length: number;
}

/** `absent`: nothing may be there. A tag: exactly that must be. */
export type AssetCondition = { readonly kind: "absent" } | { readonly kind: "is"; readonly etag: string };

export interface Upload {
  readonly body: ReadableStream<Uint8Array>;
  readonly condition: AssetCondition;
  readonly sha256: string | undefined;
}

export class DigestError extends Error {
  constructor(cause: unknown) {
    super("what came is not what the digest says", { cause });
    this.name = "DigestError";
  }
}

export async function findAsset(bucket: R2Bucket, key: string): Promise<AssetFacts | undefined> {
  const object = await bucket.head(key);
  return object === null ? undefined : factsOf(object);
}

/** The body, or a range of the very object whose tag is named: undefined when that is gone or another by now. */
export async function openAsset(
  bucket: R2Bucket,
  key: string,
  wish: { readonly etag?: string; readonly range?: AssetRange } = {},
): Promise<{ readonly facts: AssetFacts; readonly body: ReadableStream<Uint8Array> } | undefined> {
  const object = await bucket.get(key, {
    ...(wish.etag === undefined ? {} : { onlyIf: { etagMatches: unquoted(wish.etag) } }),
    ...(wish.range === undefined ? {} : { range: wish.range }),
  });
  // A condition that does not hold gives the object without its body.
  if (object === null || !("body" in object)) return undefined;
  return { facts: factsOf(object), body: object.body };
}

/** Undefined when the condition does not hold: nothing was stored. Throws DigestError. */
export async function putAsset(bucket: R2Bucket, key: string, { body, condition, sha256 }: Upload): Promise<AssetFacts | undefined> {
  const onlyIf = condition.kind === "absent" ? new Headers({ "If-None-Match": "*" }) : { etagMatches: unquoted(condition.etag) };
  try {
    const object = (await bucket.put(key, body, { onlyIf, ...(sha256 === undefined ? {} : { sha256 }) })) as R2Object | null;
    return object === null ? undefined : factsOf(object);
  } catch (error) {
    // R2 names its errors by a number at the end: BadDigest.
    if (error instanceof Error && error.message.includes("(10037)")) throw new DigestError(error);
    throw error;
  }
}

export async function deleteAsset(bucket: R2Bucket, key: string): Promise<void> {
  await bucket.delete(key);
}

export interface AssetListing {
  readonly assets: readonly AssetFacts[];
  readonly hasMore: boolean;
}

/** By key, from behind `after`. */
export async function listAssets(
  bucket: R2Bucket,
  { prefix, after, limit }: { readonly prefix: string; readonly after: string | undefined; readonly limit: number },
): Promise<AssetListing> {
  const { objects, truncated } = await bucket.list({ prefix, limit, ...(after === undefined ? {} : { startAfter: after }) });
  return { assets: objects.map(factsOf), hasMore: truncated };
}

function factsOf({ key, size, httpEtag, uploaded, checksums }: R2Object): AssetFacts {
  return { key, bytes: size, etag: httpEtag, uploadedMs: uploaded.getTime(), sha256: checksums.toJSON().sha256 };
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, "$1");
}
