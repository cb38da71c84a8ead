/** Legal holds: markers in R2 that forbid deleting what they cover: `holds/v1/{name}.json`, written and deleted by /ops/logs/holds or by
 *  hand. One that cannot be read covers everything. */
import { z } from "zod";
import { listAll } from "./event-log-sources.ts";
import { startOfHour } from "./event-log.ts";
import type { StreamHour } from "./log-manifest.ts";

export const holdsPrefix = "holds/v1/";
const suffix = ".json";
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
    holds.push(parseHold(nameOfKey(key), object === null ? undefined : await object.text()));
  }
  return holds;
}

export async function findHold(bucket: R2Bucket, name: string): Promise<NamedHold | undefined> {
  const object = await bucket.get(keyOf(name));
  return object === null ? undefined : parseHold(name, object.size > holdBytesMax ? undefined : await object.text());
}

/** Takes the place of a hold of the same name. */
export async function putHold(bucket: R2Bucket, { name, reason, stream, from, to }: NamedHold): Promise<void> {
  const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());
  const hold: z.input<typeof Hold> = { v: 1, reason, stream, from: iso(from), to: iso(to) };
  await bucket.put(keyOf(name), JSON.stringify(hold), { httpMetadata: { contentType: "application/json" } });
}

export async function deleteHold(bucket: R2Bucket, name: string): Promise<void> {
  await bucket.delete(keyOf(name));
}

/** Exported for its tests: no text gives a hold that covers less than was meant. */
export function parseHold(name: string, text: string | undefined): NamedHold {
  try {
    const { reason, stream, from, to } = Hold.parse(JSON.parse(text ?? ""));
    return { name, reason, stream, from, to };
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

function keyOf(name: string): string {
  return `${holdsPrefix}${name}${suffix}`;
}

/** Whatever lies there holds, whatever it is called. */
function nameOfKey(key: string): string {
  const name = key.slice(holdsPrefix.length);
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}
