/** The journey of one request into the edge: read, validate, deliver, answer. Throws AppError for every answer but 202. */
import { streamOf } from "../../channels/catalogue.ts";
import { AppError } from "../../platform/errors.ts";
import { isEventType } from "../../schemas/event.ts";
import { refusedReadBytesMax, shedHoldMs, shedReadBytesMax } from "../../schemas/limits.ts";
import { isFields } from "../dialects/reading.ts";
import { door, wantedAtDoor, wantedBy } from "./admission.ts";
import type { Refusal, Wanted } from "./admission.ts";
import { enter, leave, shed } from "./flows.ts";
import type { Item, RejectedItem } from "./item.ts";
import { deliverEvents } from "./publish.ts";
import type { Delivery, PublishDeps } from "./publish.ts";
import { dropChunks } from "./read-body.ts";
import { readItems } from "./read-items.ts";
import { validateItems } from "./validate.ts";
import type { Signed } from "./validate.ts";

/** How a request asks to be taken, and what its signature says. */
export interface Posting {
  readonly delivery: Delivery;
  readonly signed?: Signed | undefined;
}

export interface IngestAnswer {
  /** New ones: sequenced by their channel or parked on the inbox queue. */
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly RejectedItem[];
}

/** Nothing is known to be wrong for longer than a moment: the sender should come back soon. */
const retryUnknownSeconds = 2;

export interface IngestDeps extends PublishDeps {
  /** Keeps a refused sender waiting a moment. */
  hold(): Promise<void>;
}

export async function ingest(request: Request, { delivery, signed }: Posting, deps: IngestDeps): Promise<IngestAnswer> {
  const read = await readUnlessShed(request, delivery, deps);
  if (!Array.isArray(read)) {
    await Promise.all([deps.hold(), dropBody(request, shedReadBytesMax)]);
    throw atCeiling(read);
  }
  const traceparent = request.headers.get("traceparent") ?? undefined;
  const { valid, rejected } = validateItems(read, { nowMs: deps.nowMs(), traceparent, signed });
  if (valid.length === 0) throw new AppError("INVALID_PARAMETERS", "no event is valid", { status: 422, details: { rejected } });
  const outcome = await deliverEvents(valid, delivery, deps);
  switch (outcome.kind) {
    case "durable":
      return { accepted: outcome.accepted, duplicates: outcome.duplicates, rejected };
    case "full":
      if (outcome.shed !== undefined) throw atCeiling(outcome.shed);
      throw new AppError("CAPACITY_EXCEEDED", "the channel is full; sending the same events again is always safe", {
        retryAfterSeconds: Math.max(1, Math.ceil(outcome.retryAfterMs / 1_000)),
      });
    case "unknown":
      throw new AppError(
        "UPSTREAM_UNAVAILABLE",
        "outcome unknown: the events may or may not have arrived; sending them again is always safe",
        {
          retryAfterSeconds: retryUnknownSeconds,
        },
      );
  }
}

/** The request's events, or why they are not even looked at. What they hold is let go of by then. */
async function readUnlessShed(request: Request, delivery: Delivery, deps: PublishDeps): Promise<Item[] | Refusal> {
  const refusal = shed([wantedAtDoor(bytesOf(request))], deps);
  if (refusal !== undefined) return refusal;
  enter(door, deps);
  let answered = false;
  try {
    const items = await readItems(request);
    answered = true;
    return (delivery === "live" ? shed(declaredBy(items), deps) : undefined) ?? items;
  } catch (error) {
    if (error instanceof AppError && error.code === "PAYLOAD_TOO_LARGE") await dropBody(request, refusedReadBytesMax);
    throw error;
  } finally {
    leave(door, answered, deps);
  }
}

/** A body that is left unread costs its connection, and making another one costs more than reading a small one. */
async function dropBody(request: Request, bytesMax: number): Promise<void> {
  if (request.bodyUsed || bytesOf(request) > bytesMax) return;
  try {
    await dropChunks(request, { bytesMax, timeoutMs: shedHoldMs });
  } catch {
    // Too slow, or larger than it said: then the connection goes.
  }
}

/** As announced. */
function bytesOf({ headers }: Request): number {
  return Number(headers.get("content-length") ?? 0);
}

/** The streams of those events that say theirs by a canonical type. Validation costs most of a post: at a ceiling it would be spent on those
 *  that are refused. Others are refused after it, with the same answer. */
function declaredBy(items: readonly Item[]): Wanted[] {
  const events = new Map<string, number>();
  for (const item of items) {
    const type = "value" in item && isFields(item.value) ? item.value["type"] : undefined;
    if (typeof type !== "string" || !isEventType(type)) continue;
    const stream = streamOf(type);
    events.set(stream, (events.get(stream) ?? 0) + 1);
  }
  return [...events].map(([stream, count]) => wantedBy(stream, count));
}

function atCeiling({ stream, isSmall, retryAfterMs }: Refusal): AppError {
  const advice = isSmall
    ? "send events in batches of a hundred, which are let in first"
    : "put more events into each post, up to a thousand";
  const [who, limit] = stream === door ? ["the edge", { limit: "edge" }] : [`the stream ${stream}`, { limit: "stream", stream }];
  return new AppError("RATE_LIMIT_EXCEEDED", `${who} is at its ceiling and took nothing of this post: ${advice}`, {
    details: limit,
    retryAfterSeconds: Math.ceil(retryAfterMs / 1_000),
  });
}

/** The `delivery` query parameter. */
export function parseDelivery(value: string | undefined): Delivery {
  if (value === undefined) return "live";
  if (value === "queued") return "queued";
  throw new AppError("INVALID_PARAMETERS", 'delivery must be "queued" or absent', { details: { path: "delivery" } });
}
