/** Brings events that were parked on the inbox queue to their channels, in the bulk lane and one packed call at a time (DESIGN 3).
 *  Publishing again is safe: a channel answers a known id with its first position. */
import { streamOf } from "../../channels/catalogue.ts";
import { messageOf } from "../../platform/errors.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { parseEvent } from "../../schemas/event.ts";
import { requestBytesMax, requestEventsMax } from "../../schemas/limits.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import type { Publication, PublishReply, PublishRequest } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";
import { done, park, retry } from "../consume.ts";
import type { Outcome } from "../consume.ts";

export interface InboxDeps {
  /** Rejects when the channel does not answer in time: what became of the call is then unknown. */
  publish(request: PublishRequest): Promise<PublishReply>;
  /** Keeps one line that is no event. */
  park(line: string, reason: string): Promise<unknown>;
  sleep(ms: number): Promise<void>;
}

/** "later" means that live posts use the channel: waiting in place is cheaper than a redelivery, up to a point. */
const laterTriesMax = 3;
const laterWaitMsMax = 5_000;

interface Arrival {
  /** Index of the message it came in. */
  readonly item: number;
  readonly publication: Publication;
}

export async function inboxStep(items: readonly PackedMessage[], deps: InboxDeps): Promise<Outcome[]> {
  const { byStream, faults } = readArrivals(items);
  const outcomes = items.map((item): Outcome => (item.kind === "inbox" ? done : park("a positions message on the inbox queue")));
  for (const [stream, arrivals] of byStream) {
    const failed = await publishStream(stream, arrivals, deps);
    for (const item of failed.items) outcomes[item] = retry(failed.reason);
  }
  for (const { item, line, reason } of faults) {
    try {
      await deps.park(line, reason);
    } catch (error) {
      outcomes[item] = retry(messageOf(error));
    }
  }
  return outcomes;
}

interface Fault {
  readonly item: number;
  readonly line: string;
  readonly reason: string;
}

function readArrivals(items: readonly PackedMessage[]): { byStream: Map<string, Arrival[]>; faults: Fault[] } {
  const byStream = new Map<string, Arrival[]>();
  const faults: Fault[] = [];
  for (const [item, message] of items.entries()) {
    if (message.kind !== "inbox") continue;
    for (const line of message.lines) {
      const read = readLine(line);
      if ("reason" in read) {
        faults.push({ item, line, reason: read.reason });
        continue;
      }
      const arrivals = byStream.get(read.stream) ?? [];
      byStream.set(read.stream, arrivals);
      arrivals.push({ item, publication: read.publication });
    }
  }
  return { byStream, faults };
}

function readLine(line: string): { stream: string; publication: Publication } | { reason: string } {
  try {
    const parsed = parseEvent(JSON.parse(line));
    if (!parsed.ok) return { reason: `not an event: ${parsed.fault.path} ${parsed.fault.message}` };
    return { stream: streamOf(parsed.event.type), publication: toPublication(parsed.event, line) };
  } catch (error) {
    return { reason: `not JSON: ${messageOf(error)}` };
  }
}

/** Publishes in order. After a failure the rest of the stream waits for its redelivery: more calls would queue up behind a stall. */
async function publishStream(
  stream: string,
  arrivals: readonly Arrival[],
  deps: InboxDeps,
): Promise<{ items: Set<number>; reason: string }> {
  const calls = packCalls(arrivals);
  for (const [index, call] of calls.entries()) {
    const reason = await publishCall({ v: 1, stream, lane: "bulk", events: call.map(({ publication }) => publication) }, deps);
    if (reason !== undefined) return { items: new Set(calls.slice(index).flatMap((left) => left.map(({ item }) => item))), reason };
  }
  return { items: new Set(), reason: "" };
}

/** Undefined once the events are sequenced, otherwise why they are not known to be. */
async function publishCall(request: PublishRequest, deps: InboxDeps): Promise<string | undefined> {
  try {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await deps.publish(request);
      if (reply.kind === "ok") return undefined;
      if (reply.kind === "full" || attempt === laterTriesMax) return `channel ${request.stream} answered "${reply.kind}"`;
      await deps.sleep(Math.min(reply.retryAfterMs, laterWaitMsMax));
    }
  } catch (error) {
    return messageOf(error);
  }
}

/** Calls of at most as many events and bytes as a request to us may have. */
function packCalls(arrivals: readonly Arrival[]): Arrival[][] {
  const calls: Arrival[][] = [];
  let bytes = 0;
  for (const arrival of arrivals) {
    const cost = utf8Bytes(arrival.publication.text);
    const call = calls.at(-1);
    if (call === undefined || call.length === requestEventsMax || bytes + cost > requestBytesMax) {
      calls.push([arrival]);
      bytes = cost;
    } else {
      call.push(arrival);
      bytes += cost;
    }
  }
  return calls;
}
