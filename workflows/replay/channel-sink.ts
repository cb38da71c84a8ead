/** Publishes a replay into its channel `replay:{id}`: own positions, the original one in each frame. The channel itself says how far it
 *  has come, so a batch that is taken again, however late, finds nothing left to publish. */
import { isReplayChannel, replayChannelOf } from "../../channels/catalogue.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import type { ObjectBindings } from "../../durable-objects/stubs.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { parseEvent } from "../../schemas/event.ts";
import type { OriginalPosition } from "../../schemas/event.ts";
import { replayPatienceMs, replayPublishTimeoutMs, requestEventsMax, streamBatchBytesMax } from "../../schemas/limits.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { ChannelRpc, Publication } from "../../schemas/rpc.ts";
import { toReplayed } from "../../schemas/version.ts";
import { afterPosition } from "./order.ts";
import type { ReplayLine, ReplaySink, Taken } from "./sink.ts";

/** What it reaches out to: a test can lose an answer or pass the time. */
export interface ChannelSinkDeps {
  channel(stream: string): Pick<ChannelRpc, "publish" | "history">;
  sleep(ms: number): Promise<void>;
  /** For one answer of the channel. */
  readonly timeoutMs: number;
}

export function channelSink(env: ObjectBindings, { id }: { readonly id: string }, deps: ChannelSinkDeps = platformDeps(env)): ReplaySink {
  const stream = replayChannelOf(id);
  if (!isReplayChannel(stream)) throw new Error(`"${id}" is no id of a replay`);
  const target = { stream, deps };
  return {
    take: (lines) => publishLines(target, lines),
    finish: () => summaryOf(target),
  };
}

function platformDeps(env: ObjectBindings): ChannelSinkDeps {
  return {
    channel: (stream) => channelStub(env, stream),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    timeoutMs: replayPublishTimeoutMs,
  };
}

interface Target {
  readonly stream: string;
  readonly deps: ChannelSinkDeps;
}

/** Counts what this call has published, what was there before, and what of the log is no event. */
async function publishLines(target: Target, lines: readonly ReplayLine[]): Promise<Taken> {
  const left = afterPosition(lines, (await readEnd(target)).last);
  const publications = left.flatMap((line) => publicationOf(line) ?? []);
  for (const batch of batchesOf(publications)) await publish(target, batch);
  return { sent: publications.length, repeated: lines.length - left.length, skipped: left.length - publications.length };
}

interface End {
  readonly epoch: string;
  readonly top: number;
  /** The original position of the newest event. */
  readonly last: OriginalPosition | undefined;
}

async function readEnd({ stream, deps }: Target): Promise<End> {
  const asked = deps.channel(stream).history({ v: 1, stream, since: 0, limit: 1, reverse: true });
  const { epoch, top, rows } = await withTimeout(asked, deps.timeoutMs, stream);
  const text = rows.flatMap(eventsOf).at(-1)?.text;
  return { epoch, top, last: text === undefined ? undefined : originalOf(text) };
}

function originalOf(text: string): OriginalPosition {
  const parsed = parseEvent(JSON.parse(text));
  if (parsed.ok && parsed.event.replayed !== undefined) return parsed.event.replayed;
  throw new Error("an event of a replay's channel does not say where it comes from");
}

/** Undefined for what the log keeps although it is no event. */
function publicationOf({ stream, epoch, offset, at, text }: ReplayLine): Publication | undefined {
  const parsed = parseEvent(jsonOf(text));
  return parsed.ok ? toReplayed(parsed.event, { channel: stream, epoch, offset, at }) : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As a post or a stream of events would come: a row of the channel's log each. */
function* batchesOf(publications: readonly Publication[]): Generator<Publication[]> {
  let batch: Publication[] = [];
  let bytes = 0;
  for (const publication of publications) {
    const cost = utf8Bytes(publication.text) + 1;
    if (batch.length > 0 && (batch.length >= requestEventsMax || bytes + cost > streamBatchBytesMax)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(publication);
    bytes += cost;
  }
  if (batch.length > 0) yield batch;
}

/** Waits for a channel that has no room. What times out may still land: the step that is run again asks the channel how far it is. */
async function publish({ stream, deps }: Target, events: readonly Publication[]): Promise<void> {
  let waitedMs = 0;
  for (;;) {
    const call = deps.channel(stream).publish({ v: 1, stream, lane: "live", events });
    const reply = await withTimeout(call, deps.timeoutMs, stream);
    if (reply.kind === "ok") return;
    if (waitedMs + reply.retryAfterMs > replayPatienceMs) throw new Error(`${stream} has had no room for ${waitedMs} ms`);
    await deps.sleep(reply.retryAfterMs);
    waitedMs += reply.retryAfterMs;
  }
}

/** Of the channel's present epoch: one that was cleared for want of use begins anew. */
async function summaryOf(target: Target): Promise<Readonly<Record<string, unknown>>> {
  const { epoch, top } = await readEnd(target);
  return { sent: top, epoch, ...(top > 0 ? { first_offset: 1, last_offset: top } : {}) };
}
