/** A stored answer as a response to one request: whole, without its body (HEAD), or 304 for who holds it (RFC 9110 13.1.2). Pure. */
import { z } from "zod";
import { AppError } from "../../../platform/errors.ts";
import { matchesTag } from "../../http/etag.ts";
import type { Entry } from "./entry.ts";

export interface Asked {
  readonly method: string;
  readonly headers: Headers;
  /** Whether a shared cache in front of us may keep it too: only what anybody may read. */
  readonly isPublic: boolean;
  readonly nowMs: number;
}

export function ageSeconds({ generatedAtMs }: Entry, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - generatedAtMs) / 1_000));
}

/** Below zero: stale since then. */
export function ttlSeconds({ freshUntilMs }: Entry, nowMs: number): number {
  return Math.floor((freshUntilMs - nowMs) / 1_000);
}

/** Throws what the entry stands for when it is a refusal. */
export function respond(entry: Entry, asked: Asked): Response {
  if (entry.isRefusal) throw refusalOf(entry);
  const vary = [...entry.varying.map(([name]) => name), "Authorization", "X-API-Key"].join(", ");
  // An object, and not Headers that are then copied: each touch of those is a way out of JavaScript and back.
  const headers: Record<string, string> = { ...Object.fromEntries(entry.headers), "cache-control": cacheControl(entry, asked), vary };
  const { etag: tag, "content-type": _type, ...unsent } = headers;
  if (entry.status === 200 && tag !== undefined && matchesTag(asked.headers.get("if-none-match"), tag)) {
    return new Response(null, { status: 304, headers: { ...unsent, etag: tag } });
  }
  return new Response(asked.method === "HEAD" ? null : entry.body, { status: entry.status, headers });
}

/** What is left of our time is the client's: with Age it is `max-age - Age`, so nobody holds an answer for longer than we do. */
function cacheControl(entry: Entry, { isPublic, nowMs }: Asked): string {
  if (entry.freshUntilMs <= entry.startedAtMs) return "no-store";
  const maxAge = ageSeconds(entry, nowMs) + Math.max(0, ttlSeconds(entry, nowMs));
  return `${isPublic ? "public" : "private"}, max-age=${maxAge}`;
}

const Refusal = z.object({ message: z.string(), details: z.unknown().optional() });

function refusalOf({ body }: Entry): AppError {
  const { message, details } = Refusal.parse(JSON.parse(new TextDecoder().decode(body)));
  return new AppError("NOT_FOUND", message, { details });
}
