/** What a backend's API tells of the time in which its socket was not listened to: the newest records of each channel that is subscribed,
 *  bounded in number, bytes and time, as the frames that the socket would have sent. Of those that were heard all the same the content is
 *  the same, so they are repeats. */
import { readBoundedText } from "../../platform/bounded-text.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import type { BackendConfig } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logInfo, logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { dedupeWindowMs } from "../../schemas/limits.ts";
import type { MissedOrder, UpstreamFrame } from "../../schemas/upstream.ts";
import { foreignExecution } from "../dialects/execution.ts";
import { opportunityStatus } from "../dialects/opportunity.ts";
import { isFields } from "../dialects/reading.ts";
import type { Fields } from "../dialects/reading.ts";
import { time } from "../dialects/units.ts";
import { timesOfData } from "./events.ts";

export interface MissedDeps {
  readonly backend: BackendConfig;
  /** What the socket subscribes to: nothing else is missed. */
  readonly channels: readonly string[];
  fetch(url: string, init: RequestInit): Promise<Response>;
  nowMs(): number;
}

/** Of each channel: three seconds of the owner's mean of 185 events/s, or half an hour of his executions. */
export const missedRecordsMax = 500;
/** …at 8 KB each; more than the object may hold is not even read. */
export const missedBytesMax = 4 * 1_048_576;
export const missedTimeoutMs = 10_000;
/** A record's time is the event's, by the backend's clock, and it was sent a little later. */
export const overlapMs = 2 * 60_000;
/** After a restart nobody knows what was heard. Further back than this and the overlap, repeats would not be recognised. */
export const firstReachMs = dedupeWindowMs - overlapMs - 60_000;

const resources: Readonly<Record<string, (record: Fields) => string>> = {
  opportunities: opportunityType,
  executions: (record) => foreignExecution.typeOf?.(record) ?? "execution.submitted",
};

/** Never rejects: what cannot be had is logged. Oldest first. */
export async function fetchMissed(order: MissedOrder, deps: MissedDeps): Promise<readonly UpstreamFrame[]> {
  const origin = originFor(order.address, deps.backend.origins);
  if (origin === undefined) return [];
  const sinceMs = (order.heardMs ?? deps.nowMs() - firstReachMs) - overlapMs;
  const frames: UpstreamFrame[] = [];
  for (const [name, typeOf] of Object.entries(resources)) {
    if (!deps.channels.includes(name)) continue;
    try {
      const records = await readRecords(`${origin}${deps.backend.prefix}/${name}?limit=${missedRecordsMax}`, { name, order, deps });
      const missed = newest(records, sinceMs, deps.nowMs());
      // The gap may reach further back than what was told of it.
      const isShort = missed.length >= missedRecordsMax;
      (isShort ? logWarning : logInfo)("upstream.missed.read", { channel: name, records: records.length, missed: missed.length });
      frames.push(...missed.map((record) => frameOf(typeOf(record), record)));
    } catch (error) {
      logWarning("upstream.missed.failed", { channel: name, reason: messageOf(error) });
    }
  }
  return frames;
}

/** The API on the host of the socket, on whatever port, else the first. */
export function originFor(address: string, origins: readonly string[]): string | undefined {
  const { host, hostname } = new URL(address);
  return (
    origins.find((origin) => new URL(origin).host === host) ?? origins.find((origin) => new URL(origin).hostname === hostname) ?? origins[0]
  );
}

interface Asking {
  readonly name: string;
  readonly order: MissedOrder;
  readonly deps: MissedDeps;
}

async function readRecords(url: string, { name, order, deps }: Asking): Promise<readonly Fields[]> {
  const abort = new AbortController();
  const { token, apiKey } = deps.backend;
  const init: RequestInit = {
    headers: {
      accept: "application/json",
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(apiKey === "" ? {} : { "x-api-key": apiKey }),
    },
    // The credentials are for this backend alone.
    redirect: "manual",
    signal: AbortSignal.any([order.signal, abort.signal]),
  };
  const load = async (): Promise<readonly Fields[]> => {
    const response = await deps.fetch(url, init);
    if (response.status !== 200) throw new Error(`it answered ${response.status}`);
    const text = await readBoundedText(response, { bytesMax: missedBytesMax, what: "the answer" });
    return recordsOf(JSON.parse(text), name);
  };
  try {
    return await withTimeout(load(), missedTimeoutMs, "the backend's API");
  } finally {
    abort.abort();
  }
}

/** `[…]`, `{"data":[…]}` or `{"data":{"opportunities":[…]}}`. */
function recordsOf(answer: unknown, name: string): readonly Fields[] {
  const data = isFields(answer) ? answer["data"] : answer;
  const list = isFields(data) ? data[name] : data;
  if (!Array.isArray(list)) throw new Error(`the answer holds no list of ${name}`);
  return list.filter(isFields);
}

/** Those of the time that was missed, oldest first. A record that tells no time is kept: what is wrong with it is for validation to say. */
function newest(records: readonly Fields[], sinceMs: number, nowMs: number): readonly Fields[] {
  return records
    .map((record) => ({ record, atMs: timeOf(record) ?? nowMs }))
    .filter(({ atMs }) => atMs >= sinceMs)
    .toSorted((a, b) => a.atMs - b.atMs)
    .slice(-missedRecordsMax)
    .map(({ record }) => record);
}

/** The last time a record speaks of itself. */
function timeOf(record: Fields): number | undefined {
  const times = timesOfData.flatMap((name) => {
    const converted = time.read(record[name]);
    return "value" in converted ? [Date.parse(converted.value)] : [];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

function opportunityType(record: Fields): string {
  const read = opportunityStatus.read(record["execution_status"] ?? record["status"]);
  if (!("value" in read) || read.value === "pending") return "opportunity.detected";
  return read.value === "expired" ? "opportunity.expired" : "opportunity.updated";
}

function frameOf(type: string, data: Fields): UpstreamFrame {
  const body = { type, data };
  return { type, body, bytes: utf8Bytes(JSON.stringify(body)), late: true };
}
