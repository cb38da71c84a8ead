/** What a reader is answered: the whole, a range, 304, 412 or 416, by RFC 9110's preconditions in their order (13.2.2) and its ranges (14). Pure. */
import type { AssetFacts, AssetRange } from "../../stores/assets.ts";
import { matchesTag } from "../http/etag.ts";

export type Verdict =
  | { readonly kind: "whole" }
  | { readonly kind: "range"; readonly range: AssetRange }
  | { readonly kind: "not-modified" }
  | { readonly kind: "precondition-failed" }
  | { readonly kind: "unsatisfiable" };

type Facts = Pick<AssetFacts, "bytes" | "etag" | "uploadedMs">;

export interface Wish {
  readonly method: string;
  readonly headers: Headers;
}

/** Whether an answer depends on more than the path: then the facts must be known before a body is opened. */
export function isConditional({ headers }: Wish): boolean {
  return conditional.some((name) => headers.has(name));
}

const conditional = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range"] as const;

export function verdictOf(wish: Wish, facts: Facts): Verdict {
  if (!holds(wish.headers, facts)) return { kind: "precondition-failed" };
  if (isHeld(wish.headers, facts)) return { kind: "not-modified" };
  const range = wish.headers.get("range");
  // Ranges are of GET alone (14.2).
  if (range === null || wish.method !== "GET" || !isRangeOfThis(wish.headers.get("if-range"), facts)) return { kind: "whole" };
  return rangeOf(range, facts.bytes);
}

function holds(headers: Headers, facts: Facts): boolean {
  const match = headers.get("if-match");
  if (match !== null) return matchesStrongly(match, facts.etag);
  const since = timeOf(headers.get("if-unmodified-since"));
  return since === undefined || secondOf(facts) <= since;
}

function isHeld(headers: Headers, facts: Facts): boolean {
  const match = headers.get("if-none-match");
  if (match !== null) return matchesTag(match, facts.etag);
  const since = timeOf(headers.get("if-modified-since"));
  return since !== undefined && secondOf(facts) <= since;
}

/** A range of another version than the reader has parts of would be glued to it: then it gets the whole. A weak tag never holds here. */
function isRangeOfThis(ifRange: string | null, facts: Facts): boolean {
  if (ifRange === null) return true;
  if (ifRange.includes('"')) return matchesStrongly(ifRange, facts.etag);
  return timeOf(ifRange) === secondOf(facts);
}

/** Several ranges at once, and what is not one, are answered with the whole (14.2). */
function rangeOf(header: string, bytes: number): Verdict {
  const [, first = "", last = ""] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header) ?? [];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") return fromEnd(Number(last), bytes);
  const [offset, end] = [Number(first), last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1)];
  // `bytes=5-2` is no range at all.
  if (last !== "" && Number(last) < offset) return { kind: "whole" };
  if (offset >= bytes) return { kind: "unsatisfiable" };
  return { kind: "range", range: { offset, length: end - offset + 1 } };
}

function fromEnd(count: number, bytes: number): Verdict {
  if (count === 0 || bytes === 0) return { kind: "unsatisfiable" };
  const length = Math.min(count, bytes);
  return { kind: "range", range: { offset: bytes - length, length } };
}

function matchesStrongly(header: string, etag: string): boolean {
  return header.trim() === "*" || header.split(",").some((candidate) => candidate.trim() === etag);
}

/** HTTP's times have whole seconds. */
function secondOf({ uploadedMs }: Facts): number {
  return Math.floor(uploadedMs / 1_000) * 1_000;
}

/** What is not a time is as if it were not there (13.1.3). */
function timeOf(header: string | null): number | undefined {
  const ms = header === null ? Number.NaN : Date.parse(header);
  return Number.isNaN(ms) ? undefined : ms;
}
