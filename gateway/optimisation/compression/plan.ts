/** What becomes of one answer: left alone, told to vary, or encoded. Pure; the size of a body that does not name it is asked later. */
import { compressBytesMin } from "../../../schemas/limits.ts";
import { kindOf } from "./kinds.ts";
import type { Kind } from "./kinds.ts";
import type { Coding } from "./codings.ts";
import type { Accepted } from "./negotiate.ts";

export type Plan =
  /** Never compressed, for anybody. */
  | { readonly kind: "leave" }
  /** As it is for this client; another might get it encoded. */
  | { readonly kind: "identity" }
  /** 304: what it names must be what the client holds. */
  | { readonly kind: "not-modified" }
  | { readonly kind: "encode"; readonly coding: Coding; readonly reading: Kind; readonly bytesMin: number };

export interface Asked {
  /** Asked only where it decides. */
  accepted(): Accepted;
  readonly headers: Headers;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
}

/** No body, or (206) a part of one, whose positions would no longer be those that were asked for. */
const bodiless = new Set([101, 204, 205, 206]);

export function planOf(asked: Asked, { status, headers }: Answered): Plan {
  if (status === 304) return { kind: "not-modified" };
  if (bodiless.has(status) || isFixed(headers)) return { kind: "leave" };
  const reading = kindOf(headers.get("content-type"));
  if (reading === undefined) return { kind: "leave" };
  const { coding, isIdentityRefused } = asked.accepted();
  // Who asks for a range means the bytes as they are, also where it is given all of them.
  if (coding === undefined || asked.headers.has("range")) return { kind: "identity" };
  const bytesMin = isIdentityRefused ? 1 : compressBytesMin;
  const length = headers.get("content-length");
  if (length !== null && Number(length) < bytesMin) return { kind: "identity" };
  return { kind: "encode", coding, reading, bytesMin };
}

/** Encoded already, a part, or said to stay as it is. */
function isFixed(headers: Headers): boolean {
  return headers.has("content-encoding") || headers.has("content-range") || /\bno-transform\b/i.test(headers.get("cache-control") ?? "");
}

/** The headers of the encoded answer. Its bytes are others than the tag was made for, so the tag is weak from here on (RFC 9110, 8.8.1);
 *  If-None-Match compares weakly and still finds it. */
export function encodedHeaders(headers: Headers, coding: Coding): Headers {
  const fresh = new Headers(headers);
  fresh.set("content-encoding", coding);
  fresh.delete("content-length");
  // A range of it would be one of the encoded bytes, which no two runs need make alike.
  fresh.delete("accept-ranges");
  const tag = fresh.get("etag");
  if (tag !== null) fresh.set("etag", weakened(tag));
  return fresh;
}

/** The tag as the client holds it: weak when that is how it asked for it. */
export function tagOf304(tag: string, ifNoneMatch: string | null): string {
  return ifNoneMatch?.includes(weakened(tag)) === true ? weakened(tag) : tag;
}

function weakened(tag: string): string {
  return tag.startsWith("W/") ? tag : `W/${tag}`;
}
