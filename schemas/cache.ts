/** What the cache of answers writes down: the names by which answers are forgotten together, and the head of a stored answer. */
import { z } from "zod";

/** What a stored answer was made from: what the hot cache holds of a stream, or what the backend said. */
export const cacheTags = [
  "opportunities",
  "executions",
  "strategies",
  "backend.opportunities",
  "backend.executions",
  "backend.strategies",
  "backend.analytics",
  "backend.chains",
  "backend.health",
] as const;

export const CacheTag = z.enum(cacheTags, `must be one of ${cacheTags.join(", ")}`);
export type CacheTag = z.infer<typeof CacheTag>;

/** The request headers an answer was made for, beyond who asked. */
const Varying = z.array(z.tuple([z.string(), z.string().nullable()])).readonly();

export const CachedHead = z.object({
  v: z.literal(1),
  /** In full: what is found under its hash must say that it is what was looked for. */
  key: z.string(),
  status: z.int().min(200).max(599),
  headers: z.array(z.tuple([z.string(), z.string()])).readonly(),
  varying: Varying,
  /** Whether the body is an error to be told anew, with the asking request's own id. */
  isRefusal: z.boolean(),
  /** Before its origin was asked: a change at or after this time may be missing in it. */
  startedAtMs: z.number(),
  generatedAtMs: z.number(),
  freshUntilMs: z.number(),
  /** Until then it may be served while a new one is fetched… */
  staleUntilMs: z.number(),
  /** …and until then when none can be had. */
  errorUntilMs: z.number(),
});
export type CachedHead = z.infer<typeof CachedHead>;
