/** What ingest acts on in production: channel objects, the inbox queue, the sender's quota and the clock. */
import { channelStub } from "../../durable-objects/stubs.ts";
import type { ObjectBindings } from "../../durable-objects/stubs.ts";
import type { Breaker } from "../../platform/breaker.ts";
import { configOf } from "../../platform/config.ts";
import { logWarning } from "../../platform/log.ts";
import { publishTimeoutMs, queueSendTimeoutMs, shedHeldMax, shedHoldMs } from "../../schemas/limits.ts";
import { ingestRate, overQuota, Quota } from "../quota/quota.ts";
import type { StreamDeps } from "../stream/deliver-batch.ts";
import type { Flow } from "./admission.ts";
import { Backlog } from "./backlog.ts";
import type { IngestDeps } from "./index.ts";

export interface IngestBindings extends ObjectBindings {
  readonly INBOX: Queue;
}

/** One isolate's experience with each channel, with the inbox and with each sender; another isolate makes its own. */
const breakers = new Map<string, Breaker>();
const flows = new Map<string, Flow>();
const backlogs = new WeakMap<object, Backlog>();
const quota = new Quota(ingestRate);
let held = 0;

/** `sender`: who pays for the events. */
export function ingestDeps(env: IngestBindings, sender: string): IngestDeps {
  return {
    charge(events) {
      const waitMs = quota.take(sender, events, Date.now());
      if (waitMs > 0) throw overQuota(quota.rate, waitMs);
    },
    publish: (stream, events) => channelStub(env, stream).publish({ v: 1, stream, lane: "live", events }),
    async send(bodies) {
      await env.INBOX.sendBatch(bodies.map((body) => ({ body, contentType: "text" as const })));
    },
    parking: () => backlogOf(env).parking({ ask: () => env.INBOX.metrics(), nowMs: () => Date.now(), report: logWarning }),
    wait,
    hold,
    breakers,
    flows,
    publishTimeoutMs,
    sendTimeoutMs: queueSendTimeoutMs,
    nowMs: () => Date.now(),
    report: logWarning,
  };
}

/** The same for a stream, which waits for its allowance rather than being refused. */
export function streamDeps(env: IngestBindings, sender: string): StreamDeps {
  return {
    ...ingestDeps(env, sender),
    charge: () => undefined,
    reserve: (events) => quota.take(sender, events, Date.now()),
    overQuota: (waitMs) => overQuota(quota.rate, waitMs),
  };
}

/** For a request that was let in by an ingest key: by which, as its place in the list. Keys have been checked by then: comparing them plainly
 *  tells a stranger nothing. */
export function senderOf(headers: Headers, env: object): string {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const apiKey = headers.get("x-api-key");
  return `key:${configOf(env).ingestKeys.findIndex((key) => key === bearer || key === apiKey)}`;
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** A bounded number at a time: whoever is held costs a request's memory. */
async function hold(): Promise<void> {
  if (held >= shedHeldMax) return;
  held += 1;
  try {
    await wait(shedHoldMs);
  } finally {
    held -= 1;
  }
}

function backlogOf(env: IngestBindings): Backlog {
  const known = backlogs.get(env.INBOX) ?? new Backlog();
  backlogs.set(env.INBOX, known);
  return known;
}
