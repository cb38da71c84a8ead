/** The journey of a batch of frames into the edge: the same adapters, validation and durable hands as for posted events. */
import { AppError } from "../../platform/errors.ts";
import type { UpstreamFrame, UpstreamOutcome } from "../../schemas/upstream.ts";
import { deliverEvents } from "../ingest/publish.ts";
import type { PublishDeps } from "../ingest/publish.ts";
import { validateItems } from "../ingest/validate.ts";
import type { Validated } from "../ingest/validate.ts";
import { itemOf } from "./events.ts";

/** Neither channel nor inbox answered: soon again, an outage of both is short or everybody knows. */
const retryUnknownMs = 1_000;

export async function takeFrames(frames: readonly UpstreamFrame[], deps: PublishDeps): Promise<UpstreamOutcome> {
  const validated = validateItems(frames.map(itemOf), { nowMs: deps.nowMs() });
  if (validated.valid.length === 0) return taken(validated, { accepted: 0, duplicates: 0 });
  try {
    const outcome = await deliverEvents(validated.valid, "live", deps);
    if (outcome.kind === "durable") return taken(validated, outcome);
    return { kind: "later", retryAfterMs: outcome.kind === "full" ? outcome.retryAfterMs : retryUnknownMs };
  } catch (error) {
    // Past the allowance of events a second: they wait here.
    if (!(error instanceof AppError)) throw error;
    return { kind: "later", retryAfterMs: (error.retryAfterSeconds ?? 1) * 1_000 };
  }
}

function taken(
  { valid, rejected }: Validated,
  { accepted, duplicates }: { readonly accepted: number; readonly duplicates: number },
): UpstreamOutcome {
  const [refusal] = rejected;
  return {
    kind: "taken",
    accepted,
    duplicates,
    rejected: rejected.length,
    ...(refusal === undefined ? {} : { path: refusal.path ?? "" }),
    ...(valid.length === 0 ? {} : { newestMs: Math.max(...valid.map(({ publication }) => publication.timeMs)) }),
  };
}
