/** Queue name → step, with what each step acts on. Names are those of wrangler.toml. */
import { channelStub } from "../durable-objects/stubs.ts";
import type { ObjectBindings } from "../durable-objects/stubs.ts";
import { logError, logInfo, logWarning } from "../platform/log.ts";
import { withTimeout } from "../platform/timeout.ts";
import { packPositions, unpack } from "../schemas/pack.ts";
import type { PackedMessage } from "../schemas/pack.ts";
import type { AppliedRequest } from "../schemas/rpc.ts";
import { isValueFault } from "../stores/d1-errors.ts";
import { putDeadLetter } from "../stores/dead-letters.ts";
import type { DeadLetter, DeadLetterStores } from "../stores/dead-letters.ts";
import { HourMarker } from "../stores/compaction-hours.ts";
import { storeLines } from "../stores/event-log-store.ts";
import { writeHotCache } from "../stores/hot-cache.ts";
import type { HotDatabases } from "../stores/prune.ts";
import { consume, retry } from "./consume.ts";
import type { ConsumeDeps, Tally } from "./consume.ts";
import { deadLetterStep } from "./dead-letter/step.ts";
import type { DeadLetterDeps } from "./dead-letter/step.ts";
import { eventLogStep } from "./event-log/step.ts";
import type { EventLogDeps } from "./event-log/step.ts";
import { hotCacheStep } from "./hot-cache/step.ts";
import type { HotCacheDeps } from "./hot-cache/step.ts";
import type { Poison } from "./hot-cache/read-events.ts";
import { inboxStep } from "./inbox/step.ts";
import type { InboxDeps } from "./inbox/step.ts";

export interface ConsumerBindings extends ObjectBindings, DeadLetterStores, HotDatabases {
  readonly INBOX: Queue;
  readonly HOT_CACHE: Queue;
  readonly EVENT_LOG: Queue;
  readonly DEAD_LETTER: Queue;
}

/** A mark that takes longer is tried again with its message: marks may repeat. */
const markTimeoutMs = 5_000;
/** The inbox is in no hurry, and a publish given up too early comes again as a repeat. */
const bulkPublishTimeoutMs = 10_000;

/** Hours of the log that this isolate has marked. */
const marker = new HourMarker();

/** Handles one batch of any of our queues. Never throws. */
export async function consumeBatch(batch: MessageBatch<unknown>, env: ConsumerBindings): Promise<void> {
  switch (stepName(batch.queue)) {
    case "hot-cache":
      return consume(batch.messages, hotCacheConsumer(env));
    case "event-log":
      return consume(batch.messages, eventLogConsumer(env));
    case "inbox":
      return consume(batch.messages, inboxConsumer(env));
    case "dead-letter":
      return consume(batch.messages, deadLetterConsumer(env));
    default:
      logError("consumer.queue.unknown", { queue: batch.queue });
      return consume(batch.messages, unknownConsumer(batch.queue));
  }
}

/** "arbitragex-hot-cache" in production, "arbitragex-hot-cache-staging" beside it: the same step. */
export function stepName(queue: string): string | undefined {
  return /^arbitragex-(inbox|hot-cache|event-log|dead-letter)(?:-[a-z]+)?$/.exec(queue)?.[1];
}

function hotCacheConsumer(env: ConsumerBindings): ConsumeDeps<PackedMessage> {
  const deps: HotCacheDeps = {
    write: async (table, placed) => (await writeHotCache(env, { table, placed, now: Date.now() })).rows,
    isValueFault,
    park: (poison) => parkEvent(env, poison),
    applied: (request) => mark(env, request),
  };
  return { ...packedConsumer(env, "hot-cache", env.HOT_CACHE), retryDelaySecondsMax: 15, step: (items) => hotCacheStep(items, deps) };
}

function eventLogConsumer(env: ConsumerBindings): ConsumeDeps<PackedMessage> {
  const store = { stores: env, marker, now: Date.now };
  const deps: EventLogDeps = { put: (stream, lines) => storeLines(store, stream, lines) };
  return { ...packedConsumer(env, "event-log", env.EVENT_LOG), retryDelaySecondsMax: 30, step: (items) => eventLogStep(items, deps) };
}

function inboxConsumer(env: ConsumerBindings): ConsumeDeps<PackedMessage> {
  const deps: InboxDeps = {
    publish: (request) => withTimeout(channelStub(env, request.stream).publish(request), bulkPublishTimeoutMs, `channel ${request.stream}`),
    park: (line, reason) => keepLetter(env, { queue: "inbox", reason, body: line }),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
  return { ...packedConsumer(env, "inbox", env.INBOX), retryDelaySecondsMax: 30, step: (items) => inboxStep(items, deps) };
}

/** In a box of its own: a body is whatever somebody sent, and need not be readable to be kept. */
interface AnyBody {
  readonly body: unknown;
}

function deadLetterConsumer(env: ConsumerBindings): ConsumeDeps<AnyBody> {
  const deps: DeadLetterDeps = {
    park: (body, positions) =>
      keepLetter(env, { queue: "dead-letter", reason: "retries exhausted", body, ...(positions === undefined ? {} : { positions }) }),
    applied: (request) => mark(env, request),
  };
  return {
    ...packedConsumer(env, "dead-letter", env.DEAD_LETTER),
    parse: (body) => ({ body }),
    retryDelaySecondsMax: 300,
    step: (items) =>
      deadLetterStep(
        items.map(({ body }) => body),
        deps,
      ),
  };
}

/** What the consumers of packed messages share. */
function packedConsumer(
  env: ConsumerBindings,
  queue: string,
  own: Queue,
): Omit<ConsumeDeps<PackedMessage>, "step" | "retryDelaySecondsMax"> {
  const startedAtMs = Date.now();
  return {
    parse: unpack,
    park: (body, reason, attempts) => keepLetter(env, { queue, reason, body, attempts }),
    resend: (body) => own.send(body, { contentType: typeof body === "string" ? "text" : "json" }),
    report: (tally) => reportBatch(queue, tally, Date.now() - startedAtMs),
  };
}

/** A queue without a step keeps its messages until a deploy brings one. */
function unknownConsumer(queue: string): ConsumeDeps<AnyBody> {
  const refuse = (): Promise<never> => Promise.reject(new Error(`no consumer for queue ${queue}`));
  return {
    retryDelaySecondsMax: 300,
    parse: (body) => ({ body }),
    step: async (items) => items.map(() => retry(`no consumer for queue ${queue}`)),
    park: refuse,
    resend: refuse,
    report: (tally) => reportBatch(queue, tally, 0),
  };
}

async function mark(env: ConsumerBindings, request: AppliedRequest): Promise<void> {
  await withTimeout(channelStub(env, request.stream).applied(request), markTimeoutMs, `channel ${request.stream}`);
}

async function parkEvent(env: ConsumerBindings, { stream, epoch, row, reason }: Poison): Promise<void> {
  const positions = { stream, epoch, first: row.first, last: row.first };
  for (const { body } of packPositions({ stream, epoch, sink: "hot-cache" }, [row]))
    await keepLetter(env, { queue: "hot-cache", reason, body, positions });
}

async function keepLetter(env: ConsumerBindings, letter: DeadLetter): Promise<void> {
  const object = await putDeadLetter(env, letter, Date.now());
  logError("consumer.dead_letter.kept", { queue: letter.queue, object, reason: letter.reason.slice(0, 200) });
}

function reportBatch(queue: string, tally: Tally, ms: number): void {
  const { reasons, ...counts } = tally;
  const log = reasons.length > 0 ? logWarning : logInfo;
  log("consumer.batch.done", {
    queue,
    ...counts,
    ms,
    reason: reasons.length > 0 ? reasons.map((text) => text.slice(0, 200)).join(" | ") : undefined,
  });
}
