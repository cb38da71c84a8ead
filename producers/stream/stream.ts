/** One stream of NDJSON: read, validate, deliver and answer, batch after batch, with a bounded part of it in memory. The sender hears about a
 *  line once it is durable, and at the end how it ended. */
import { AppError, messageOf } from "../../platform/errors.ts";
import { streamLineBytesMax, streamLinesMax } from "../../schemas/limits.ts";
import { LineSplitter, parseLine } from "../ingest/ndjson.ts";
import type { Line } from "../ingest/ndjson.ts";
import type { Delivery } from "../ingest/publish.ts";
import type { RejectedItem } from "../ingest/item.ts";
import { validateItems } from "../ingest/validate.ts";
import type { ValidEvent } from "../ingest/validate.ts";
import type { Answer } from "./answer.ts";
import { deliverBatch } from "./deliver-batch.ts";
import type { StreamDeps } from "./deliver-batch.ts";
import { LineBuffer } from "./line-buffer.ts";
import { renderDurable, renderFault, renderRejected, renderSummary } from "./verdicts.ts";
import type { StreamTotals } from "./verdicts.ts";

export interface StreamContext {
  readonly delivery: Delivery;
  readonly traceparent: string | undefined;
  readonly deps: StreamDeps;
}

export interface StreamReport extends StreamTotals {
  readonly unflushedBytesPeak: number;
  /** What ended it, when it did not end well. */
  readonly fault?: AppError;
}

/** A chunk may have any size; so much of it is looked at before there is room for the next. */
const sliceBytes = 65_536;

/** Takes the body to its end, or to the first fault. Never throws. */
export async function runStream(chunks: AsyncGenerator<Uint8Array>, answer: Answer, context: StreamContext): Promise<StreamReport> {
  const buffer = new LineBuffer();
  const splitter = new LineSplitter(streamLineBytesMax);
  const filling = fill(chunks, { buffer, splitter });
  const told = (error: unknown): AppError => asAppError(error, context.deps);
  const totals = { accepted: 0, duplicates: 0, rejected: 0, lines: 0 };
  let fault = await drain({ buffer, answer, totals }, context).catch(told);
  // Lets the reader go, which may wait for room.
  buffer.end();
  fault ??= buffer.fault === undefined ? undefined : told(buffer.fault);
  if (fault === undefined) totals.lines = splitter.count;
  await answer.write(fault === undefined ? renderSummary(totals) : renderFault(fault, totals.lines + 1));
  answer.close();
  if (fault === undefined) await filling;
  else void chunks.return(undefined).catch(() => undefined);
  return { ...totals, unflushedBytesPeak: buffer.peakBytes, ...(fault === undefined ? {} : { fault }) };
}

/** Reads as long as there is room. Never throws: a fault waits in the buffer behind the lines that came before it. */
async function fill(
  chunks: AsyncIterable<Uint8Array>,
  { buffer, splitter }: { buffer: LineBuffer; splitter: LineSplitter },
): Promise<void> {
  let count = 0;
  const add = (lines: readonly Line[]): void => {
    count += lines.length;
    if (count > streamLinesMax)
      throw new AppError("PAYLOAD_TOO_LARGE", `a stream holds at most ${streamLinesMax} events: go on in another`);
    buffer.add(lines, splitter.heldBytes);
  };
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength; at += sliceBytes) {
        const slice = chunk.subarray(at, at + sliceBytes);
        await buffer.room(slice.byteLength);
        if (buffer.isEnded) return;
        add(splitter.push(slice));
      }
    }
    add(splitter.end());
    buffer.end();
  } catch (fault) {
    buffer.end(fault);
  }
}

interface Draining {
  readonly buffer: LineBuffer;
  readonly answer: Answer;
  readonly totals: { -readonly [Name in keyof StreamTotals]: StreamTotals[Name] };
}

/** Throws when a batch could not be made durable. Nobody reads the answer any more: what was read is delivered, no more is asked for. */
async function drain({ buffer, answer, totals }: Draining, context: StreamContext): Promise<undefined> {
  for (let lines = await buffer.take(); lines !== undefined; lines = await buffer.take()) {
    const verdicts = await settle(lines, context);
    buffer.release(lines);
    for (const { status } of verdicts) totals[countedAs[status]] += 1;
    totals.lines = lines.at(-1)?.number ?? totals.lines;
    const isRead = await answer.write(verdicts.map(({ text }) => text).join(""));
    if (!isRead) buffer.end(new AppError("INVALID_PARAMETERS", "the answer was not read"));
  }
  return undefined;
}

const countedAs = { accepted: "accepted", duplicate: "duplicates", rejected: "rejected" } as const;

interface Verdict {
  readonly status: keyof typeof countedAs;
  readonly text: string;
}

/** One verdict for each line, in order, when all are either durable or refused. */
async function settle(lines: readonly Line[], context: StreamContext): Promise<Verdict[]> {
  const checked = lines.map((line) => ({ number: line.number, ...check(line, context) }));
  const repeats = await deliverBatch(
    checked.flatMap(({ events }) => events),
    context.delivery,
    context.deps,
  );
  let place = 0;
  return checked.map(({ number, events, fault }): Verdict => {
    if (fault !== undefined) return { status: "rejected", text: renderRejected(number, fault) };
    // A line may be a report of several events: it is a duplicate when nothing in it is new.
    const status = events.every((_, index) => repeats.has(place + index)) ? "duplicate" : "accepted";
    place += events.length;
    return { status, text: renderDurable(number, status, events[0]?.publication.text ?? "") };
  });
}

interface Checked {
  readonly events: readonly ValidEvent[];
  readonly fault?: Omit<RejectedItem, "index">;
}

function check(line: Line, { traceparent, deps }: StreamContext): Checked {
  if (line.oversize) return { events: [], fault: tooLong };
  const { valid, rejected } = validateItems([parseLine(line)], { nowMs: deps.nowMs(), traceparent });
  const [fault] = rejected;
  return fault === undefined ? { events: valid } : { events: [], fault };
}

const tooLong: Omit<RejectedItem, "index"> = { code: "PAYLOAD_TOO_LARGE", message: `the line is longer than ${streamLineBytesMax} bytes` };

/** Bugs are logged and told without their text, as everywhere. */
function asAppError(error: unknown, { report }: StreamDeps): AppError {
  if (error instanceof AppError) return error;
  report("ingest.stream.failed", { reason: messageOf(error) });
  return new AppError("INTERNAL", "something went wrong on our side", { cause: error });
}
