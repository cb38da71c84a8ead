/** The lines of a stream's answer: what became of each event, and how it ended. Pure. */
import type { AppError } from "../../platform/errors.ts";
import type { RejectedItem } from "../ingest/item.ts";

export interface StreamTotals {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** Lines of the body, blank ones too. */
  readonly lines: number;
}

export type Status = "accepted" | "duplicate";

/** `text` is the event's wire text, whose id is taken as it stands there: it is JSON already. */
export function renderDurable(line: number, status: Status, text: string): string {
  return `{"line":${line},"id":${idLiteral(text)},"status":"${status}"}\n`;
}

export function renderRejected(line: number, { id, code, message, path }: Omit<RejectedItem, "index">): string {
  return `${JSON.stringify({ line, id, status: "rejected", code, message, path })}\n`;
}

/** The last line of a stream that was taken to its end. */
export function renderSummary({ accepted, duplicates, rejected, lines }: StreamTotals): string {
  return `${JSON.stringify({ summary: { accepted, duplicates, rejected, lines } })}\n`;
}

/** The last line of one that was not: lines before `line` are answered for, none from there on is known to be durable. */
export function renderFault(error: AppError, line: number): string {
  const { code, message, retryAfterSeconds: retry_after } = error;
  return `${JSON.stringify({ error: { code, message, line, retry_after } })}\n`;
}

const idOfWire = /^\{"specversion":"1\.0","id":("(?:[^"\\]|\\.)*")/;

function idLiteral(text: string): string {
  return idOfWire.exec(text)?.[1] ?? JSON.stringify((JSON.parse(text) as { id: string }).id);
}
