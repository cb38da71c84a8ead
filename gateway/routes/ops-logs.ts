/** GET /ops/logs?stream&from&to: the log of truth of one stream as NDJSON, in order, each position once. Streamed as it is read: a log
 *  that cannot be read to its end breaks the transfer off, it never ends quietly. */
import type { Context } from "hono";
import { z } from "zod";
import { findStream, streams } from "../../channels/catalogue.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logError } from "../../platform/log.ts";
import { renderLogLine } from "../../stores/event-log.ts";
import type { LogLine } from "../../stores/event-log.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import type { LogCoverage, LogWindow } from "../../stores/event-log-reader.ts";
import { TimeMs } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";

/** A day of 16 M events is more than one request should carry; longer windows are asked for piece by piece. */
export const logWindowMsMax = 24 * 3_600_000;
/** Lines are handed on in pieces of about this size: one piece a line costs more than reading it. */
const pieceCharsMin = 65_536;

export const LogStream = z
  .string("is needed")
  // A replay's channel has no log: it is made from one.
  .refine((name) => findStream(name)?.sinks.includes("event-log") === true, `must be one of ${streams.map(({ name }) => name).join(", ")}`);

export const LogQuery = z.object({
  stream: LogStream,
  from: TimeMs,
  /** Exclusive; now unless said. */
  to: TimeMs.optional(),
  /** Ends with a line `{"summary":{…}}` that says how complete the answer is. */
  summary: z.enum(["true", "false"], "must be true or false").default("false"),
});

export async function answerLogs(c: Context<{ Bindings: Env }>, nowMs: number): Promise<Response> {
  const { stream, from, to = nowMs, summary } = parseQuery(LogQuery, new URL(c.req.url).searchParams);
  requireWindow({ from, to }, logWindowMsMax);
  const lines = logLines(c.env.EDGE_LOGS, { stream, from, to }, summary === "true");
  return new Response(streamOf(lines), { headers: { "content-type": "application/x-ndjson; charset=utf-8", "cache-control": "no-store" } });
}

export function requireWindow({ from, to }: { readonly from: number; readonly to: number }, windowMsMax: number): void {
  const refuse = (parameter: string, message: string): AppError =>
    new AppError("INVALID_PARAMETERS", `${parameter}: ${message}`, { details: { parameter } });
  if (to <= from) throw refuse("from", "must be before to (which is now unless given)");
  if (to - from > windowMsMax) throw refuse("to", `must be within ${windowMsMax / 3_600_000} hours of from`);
}

async function* logLines(bucket: R2Bucket, window: LogWindow, withSummary: boolean): AsyncGenerator<string> {
  const events: AsyncGenerator<LogLine, LogCoverage> = readLog(bucket, window);
  for (;;) {
    const { done, value } = await events.next();
    if (done !== true) {
      yield renderLogLine(value);
      continue;
    }
    if (withSummary) yield JSON.stringify({ summary: value });
    return;
  }
}

/** Pulled, not pushed: a slow reader holds the next object back instead of filling memory. */
export function streamOf(lines: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const piece = await nextPiece(lines);
        if (piece === "") controller.close();
        else controller.enqueue(encoder.encode(piece));
      } catch (error) {
        logError("ops.logs.failed", { reason: messageOf(error) });
        controller.error(error);
      }
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}

async function nextPiece(lines: AsyncGenerator<string>): Promise<string> {
  let piece = "";
  while (piece.length < pieceCharsMin) {
    const { done, value } = await lines.next();
    if (done === true) return piece;
    piece += `${value}\n`;
  }
  return piece;
}
