/** Entity tags (RFC 9110 8.8.3, 13.1.2): a tag is a hash of the very text that is sent, so equal bodies have equal tags everywhere. */
import { hash64 } from "../../platform/bytes.ts";

/** `body` as JSON with its tag. Who may keep it, and 304 for who holds it, is the cache's to say. */
export function taggedJson(body: unknown): Response {
  const text = JSON.stringify(body);
  return new Response(text, { headers: { "content-type": "application/json; charset=utf-8", etag: tagOf(text) } });
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
