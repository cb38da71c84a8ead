/** What ingest acts on in production: channel objects, the inbox queue and the clock. */
import { channelStub } from "../../durable-objects/stubs.ts";
import type { ObjectBindings } from "../../durable-objects/stubs.ts";
import type { Breaker } from "../../platform/breaker.ts";
import { logWarning } from "../../platform/log.ts";
import { publishTimeoutMs, queueSendTimeoutMs } from "../../schemas/limits.ts";
import type { PublishDeps } from "./publish.ts";

export interface IngestBindings extends ObjectBindings {
  readonly INBOX: Queue;
}

/** One isolate's experience with each channel; another isolate makes its own. */
const breakers = new Map<string, Breaker>();

export function ingestDeps(env: IngestBindings): PublishDeps {
  return {
    publish: (stream, events) => channelStub(env, stream).publish({ v: 1, stream, lane: "live", events }),
    async send(bodies) {
      await env.INBOX.sendBatch(bodies.map((body) => ({ body, contentType: "text" as const })));
    },
    breakers,
    publishTimeoutMs,
    sendTimeoutMs: queueSendTimeoutMs,
    nowMs: () => Date.now(),
    report: logWarning,
  };
}
