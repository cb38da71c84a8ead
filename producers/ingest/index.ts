/** The journey of one request into the edge: read, validate, deliver, answer. Throws AppError for every answer but 202. */
import { AppError } from "../../platform/errors.ts";
import type { RejectedItem } from "./item.ts";
import { deliverEvents } from "./publish.ts";
import type { Delivery, PublishDeps } from "./publish.ts";
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

export async function ingest(request: Request, { delivery, signed }: Posting, deps: PublishDeps): Promise<IngestAnswer> {
  const items = await readItems(request);
  const traceparent = request.headers.get("traceparent") ?? undefined;
  const { valid, rejected } = validateItems(items, { nowMs: deps.nowMs(), traceparent, signed });
  if (valid.length === 0) throw new AppError("INVALID_PARAMETERS", "no event is valid", { status: 422, details: { rejected } });
  const outcome = await deliverEvents(valid, delivery, deps);
  switch (outcome.kind) {
    case "durable":
      return { accepted: outcome.accepted, duplicates: outcome.duplicates, rejected };
    case "full":
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

/** The `delivery` query parameter. */
export function parseDelivery(value: string | undefined): Delivery {
  if (value === undefined) return "live";
  if (value === "queued") return "queued";
  throw new AppError("INVALID_PARAMETERS", 'delivery must be "queued" or absent', { details: { path: "delivery" } });
}
