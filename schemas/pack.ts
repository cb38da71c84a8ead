/** Queue messages: text, so that event text is not escaped a second time. A header line in JSON, then one event a line.
 *  `positions` messages (hot-cache, event-log) carry what a channel sequenced; `inbox` messages carry events without positions. */
import { z } from "zod";
import { packedBytesMax } from "./limits.ts";
import { cutRow, lastOf } from "./row.ts";
import type { LogRow } from "./rpc.ts";
import { utf8Bytes } from "../platform/bytes.ts";

const RowHeader = z.object({
  first: z.int().positive(),
  count: z.int().positive(),
  at: z.int().nonnegative(),
  stale: z.array(z.int()).default([]),
});

export const PositionsHeader = z.object({
  v: z.literal(1),
  kind: z.literal("positions"),
  stream: z.string(),
  epoch: z.string(),
  /** The queue it was packed for. A dead letter does not know its queue, and only a hot-cache one may settle its positions. */
  sink: z.string().optional(),
  rows: z.array(RowHeader),
});

export const InboxHeader = z.object({ v: z.literal(1), kind: z.literal("inbox") });

export const MessageHeader = z.discriminatedUnion("kind", [PositionsHeader, InboxHeader]);

/** A packed message as a consumer sees it. */
export type PackedMessage =
  | { kind: "positions"; stream: string; epoch: string; sink?: string; rows: LogRow[] }
  | { kind: "inbox"; lines: string[] };

/** Where packed rows come from, and which queue they are for. */
export interface PositionsSource {
  readonly stream: string;
  readonly epoch: string;
  readonly sink?: string | undefined;
}

export interface PackedPositions {
  readonly body: string;
  readonly first: number;
  readonly last: number;
  /** Of the events alone, each with its newline. */
  readonly eventBytes: number;
}

/** Room kept for the header's fixed part: stream and epoch names are bounded by the catalogue and the epoch format. */
const headerBytes = 256;
/** A row's entry in the header: four numbers of at most 16 digits, names and punctuation. */
const rowHeaderBytes = 96;
/** A stale offset in the header. */
const staleBytes = 17;

/** Packs rows, in order, into as few messages of at most packedBytesMax as greedy filling gives, and stops once `messagesMax` are full.
 *  Rows are cut where a message is full. */
export function packPositions(source: PositionsSource, rows: readonly LogRow[], messagesMax = Number.POSITIVE_INFINITY): PackedPositions[] {
  const messages: PackedPositions[] = [];
  let pending: LogRow[] = [];
  let bytes = headerBytes;
  let eventBytes = 0;
  const close = (): void => {
    const [head] = pending;
    const tail = pending.at(-1);
    if (head !== undefined && tail !== undefined) {
      messages.push({ body: encodePositions(source, pending), first: head.first, last: lastOf(tail), eventBytes });
    }
    pending = [];
    bytes = headerBytes;
    eventBytes = 0;
  };
  for (const row of rows) {
    let start = row.first;
    let offset = row.first;
    let open = rowHeaderBytes;
    for (const line of row.lines.split("\n")) {
      const size = utf8Bytes(line) + 1;
      const cost = size + (row.stale.includes(offset) ? staleBytes : 0);
      if (bytes + open + cost > packedBytesMax && (pending.length > 0 || offset > start)) {
        const head = cutRow(row, start, offset - 1);
        if (head !== undefined) pending.push(head);
        close();
        if (messages.length >= messagesMax) return messages;
        start = offset;
        open = rowHeaderBytes;
      }
      open += cost;
      eventBytes += size;
      offset += 1;
    }
    const rest = cutRow(row, start, lastOf(row));
    if (rest !== undefined) pending.push(rest);
    bytes += open;
  }
  close();
  return messages;
}

/** JSON.stringify skips an undefined sink. */
function encodePositions({ stream, epoch, sink }: PositionsSource, rows: readonly LogRow[]): string {
  const header = {
    v: 1,
    kind: "positions",
    stream,
    epoch,
    sink,
    rows: rows.map(({ first, count, at, stale }) => (stale.length > 0 ? { first, count, at, stale } : { first, count, at })),
  };
  return [JSON.stringify(header), ...rows.map((row) => row.lines)].join("\n");
}

/** Packs wire texts for the inbox queue, in order. */
export function packInbox(lines: readonly string[]): string[] {
  const header = JSON.stringify({ v: 1, kind: "inbox" });
  const messages: string[] = [];
  let pending: string[] = [];
  let bytes = header.length;
  for (const line of lines) {
    const cost = utf8Bytes(line) + 1;
    if (bytes + cost > packedBytesMax && pending.length > 0) {
      messages.push([header, ...pending].join("\n"));
      pending = [];
      bytes = header.length;
    }
    pending.push(line);
    bytes += cost;
  }
  if (pending.length > 0) messages.push([header, ...pending].join("\n"));
  return messages;
}

/** Reads a message of any version we ever wrote, or says why it can't. */
export function unpack(body: unknown): PackedMessage | { invalid: string } {
  if (typeof body !== "string") return { invalid: "message body is not text" };
  const end = body.indexOf("\n");
  if (end < 0) return { invalid: "message has no header line" };
  const header = parseHeader(body.slice(0, end));
  if ("invalid" in header) return header;
  const lines = body.slice(end + 1).split("\n");
  if (header.kind === "inbox") return { kind: "inbox", lines };
  const expected = header.rows.reduce((sum, row) => sum + row.count, 0);
  if (expected !== lines.length) return { invalid: `header counts ${expected} events, message holds ${lines.length}` };
  let at = 0;
  const rows = header.rows.map((row) => {
    const part = lines.slice(at, at + row.count);
    at += row.count;
    return { ...row, earlier: [], lines: part.join("\n") };
  });
  const { stream, epoch, sink } = header;
  return { kind: "positions", stream, epoch, ...(sink === undefined ? {} : { sink }), rows };
}

/** Headers by the version they say. A new one is a new entry; an old one stays as long as a queue, or a dead letter, may hold it. */
const headers: Readonly<Record<string, typeof MessageHeader>> = { 1: MessageHeader };

function parseHeader(text: string): z.infer<typeof MessageHeader> | { invalid: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { invalid: "header line is not JSON" };
  }
  const version = typeof json === "object" && json !== null && "v" in json ? JSON.stringify(json.v) : "none";
  const schema = Object.hasOwn(headers, version) ? headers[version] : undefined;
  // Of a later deploy that was taken back, perhaps: kept as it is, never read as what it may not be.
  if (schema === undefined)
    return { invalid: `message is of version ${version.slice(0, 64)}, this code reads ${Object.keys(headers).join(", ")}` };
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : { invalid: z.prettifyError(parsed.error) };
}
