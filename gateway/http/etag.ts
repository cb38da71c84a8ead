/** Conditional answers (RFC 9110 13.1.2): the tag is a hash of the very text that is sent, so equal bodies have equal tags everywhere. */
import { hash64 } from "../../platform/bytes.ts";

export interface CachePolicy {
  /** Whether a shared cache may keep the answer: only where anybody may read it. */
  readonly shared: boolean;
  readonly maxAgeSeconds: number;
}

/** `body` as JSON with a tag, or 304 when the client already holds it. */
export function conditionalJson(request: Request, body: unknown, policy: CachePolicy): Response {
  const text = JSON.stringify(body);
  const tag = tagOf(text);
  const headers = new Headers({
    etag: tag,
    "cache-control": `${policy.shared ? "public" : "private"}, max-age=${policy.maxAgeSeconds}`,
    // The same address answers differently to different readers, whichever header named them.
    vary: "Authorization, X-API-Key",
  });
  if (matchesTag(request.headers.get("if-none-match"), tag)) return new Response(null, { status: 304, headers });
  headers.set("content-type", "application/json; charset=utf-8");
  return new Response(text, { headers });
}

/** Weak: a compressing proxy may change the bytes, not the meaning. */
export function tagOf(text: string): string {
  return `W/"${hash64(text)}"`;
}

/** If-None-Match compares weakly: `W/` does not count. */
export function matchesTag(header: string | null, tag: string): boolean {
  if (header === null) return false;
  if (header.trim() === "*") return true;
  const bare = (text: string): string => text.trim().replace(/^W\//, "");
  return header.split(",").some((candidate) => bare(candidate) === bare(tag));
}
