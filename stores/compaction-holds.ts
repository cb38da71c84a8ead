/** Legal holds: markers in R2 that forbid deleting what they cover. Whoever holds writes `holds/v1/{name}.json` and deletes it later; one
 *  that cannot be read covers everything. */
import { z } from "zod";
import { listAll } from "./event-log-sources.ts";
import { startOfHour } from "./event-log.ts";
import type { StreamHour } from "./log-manifest.ts";

export const holdsPrefix = "holds/v1/";
/** A marker is a few lines. */
const holdBytesMax = 65_536;

const Instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export const Hold = z.object({
  v: z.literal(1),
  reason: z.string().min(1),
  /** Absent: every stream. */
  stream: z.string().optional(),
  /** Sequenced at or after, and before. Absent: without end. */
  from: Instant.optional(),
  to: Instant.optional(),
});

export interface NamedHold {
  readonly name: string;
  readonly reason: string;
  readonly stream?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export async function listHolds(bucket: R2Bucket): Promise<NamedHold[]> {
  const holds: NamedHold[] = [];
  for await (const { key, size } of listAll(bucket, { prefix: holdsPrefix })) {
    const object = size > holdBytesMax ? null : await bucket.get(key);
    holds.push(parseHold(key.slice(holdsPrefix.length), object === null ? undefined : await object.text()));
  }
  return holds;
}

/** Exported for its tests: no text gives a hold that covers less than was meant. */
export function parseHold(name: string, text: string | undefined): NamedHold {
  try {
    return { name, ...Hold.parse(JSON.parse(text ?? "")) };
  } catch {
    return { name, reason: "this hold cannot be read, so it covers everything" };
  }
}

export function isHeld(holds: readonly NamedHold[], { stream, hour }: StreamHour): boolean {
  return holds.some(
    (hold) =>
      (hold.stream === undefined || hold.stream === stream) &&
      (hold.from ?? Number.NEGATIVE_INFINITY) < startOfHour(hour + 1) &&
      (hold.to ?? Number.POSITIVE_INFINITY) > startOfHour(hour),
  );
}
