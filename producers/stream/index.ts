/** The journey of an NDJSON body that is not one request's worth: whether it is a stream at all, whether there is room for it, and its run. */
import { AppError } from "../../platform/errors.ts";
import { logInfo } from "../../platform/log.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";
import { bodyTimeoutMs, requestBytesMax, streamBytesMax, streamIdleMs, streamsMax, streamTimeoutMs } from "../../schemas/limits.ts";
import { readChunks } from "../ingest/read-body.ts";
import type { BodyLimits } from "../ingest/read-body.ts";
import { requireUtf8 } from "../ingest/read-items.ts";
import type { Delivery } from "../ingest/publish.ts";
import { Answer } from "./answer.ts";
import type { StreamDeps } from "./deliver-batch.ts";
import { readHead } from "./head.ts";
import { Slots } from "./slots.ts";
import { runStream } from "./stream.ts";

export const ndjsonType = "application/x-ndjson";

const limits: BodyLimits = { bytesMax: streamBytesMax, timeoutMs: streamTimeoutMs, idleMs: streamIdleMs };
const slots = new Slots({ slotsMax: streamsMax, leaseMs: streamTimeoutMs });

export function isNdjson(headers: Headers): boolean {
  return mediaTypeOf(headers.get("content-type") ?? "") === ndjsonType;
}

export type Opened =
  /** Small: to be answered like any other request, from this body. */
  { readonly kind: "whole"; readonly body: Uint8Array } | { readonly kind: "stream"; readonly chunks: AsyncGenerator<Uint8Array> };

/** Throws AppError: 408, 413 and 415 as read-body.ts has them. */
export async function openBody(request: Request): Promise<Opened> {
  requireUtf8(request.headers);
  const chunks = readChunks(request, limits);
  if (wantsStream(request.headers)) return { kind: "stream", chunks };
  try {
    return await withTimeout(readHead(chunks), bodyTimeoutMs, "the sender");
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new AppError("INVALID_PARAMETERS", `the body did not arrive within ${bodyTimeoutMs} ms`, { status: 408, cause: error });
  }
}

/** The sender asks for a verdict a line, or announces more than a request takes. */
function wantsStream(headers: Headers): boolean {
  const accepted = (headers.get("accept") ?? "").split(",").map(mediaTypeOf);
  return accepted.includes(ndjsonType) || Number(headers.get("content-length") ?? 0) > requestBytesMax;
}

function mediaTypeOf(value: string): string {
  return (value.split(";")[0] ?? "").trim().toLowerCase();
}

export interface StreamOrder {
  readonly delivery: Delivery;
  readonly traceparent: string | undefined;
}

export interface StartedStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when the stream has run; never rejects. */
  readonly done: Promise<void>;
}

/** Throws CAPACITY_EXCEEDED when there is no room for another stream, or none in the inbox for one that goes there. */
export async function startStream(chunks: AsyncGenerator<Uint8Array>, order: StreamOrder, deps: StreamDeps): Promise<StartedStream> {
  if (order.delivery === "queued") await requireRoom(deps);
  const giveBack = slots.take(deps.nowMs());
  const answer = new Answer();
  const done = runStream(chunks, answer, { ...order, deps }).then(({ fault, unflushedBytesPeak, ...totals }) => {
    giveBack();
    logInfo("ingest.stream.done", { ...totals, unflushed_bytes_peak: unflushedBytesPeak, fault: fault?.code });
  });
  return { body: answer.body, done };
}

async function requireRoom(deps: StreamDeps): Promise<void> {
  const parking = await deps.parking();
  if (parking.kind !== "full") return;
  throw new AppError("CAPACITY_EXCEEDED", "the inbox is full: come back later", {
    retryAfterSeconds: Math.ceil(parking.retryAfterMs / 1_000),
  });
}
