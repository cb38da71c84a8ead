/** One part of a compacted hour as Parquet: positions of one epoch in order, the event's text untouched, and beside it the columns
 *  one asks for. GZIP, which DuckDB and every other reader have, and here native code. */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { parquetRead } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { ColumnSource, SchemaElement } from "hyparquet-writer";
import type { BlockRow } from "./event-log-block.ts";
import type { EventColumns } from "./event-log-columns.ts";
import { renderLogHead } from "./event-log.ts";
import type { LineCursor } from "./event-log-object.ts";

/** Small enough that a reader of a window skips most of a part. */
const groupRows = 8_192;
/** A page: what is inflated at once. */
const pageBytes = 1_048_576;

type Column = Pick<SchemaElement, "type" | "converted_type" | "repetition_type">;

const text: Column = { type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" };
const time: Column = { type: "INT64", converted_type: "TIMESTAMP_MILLIS", repetition_type: "OPTIONAL" };
const required = { repetition_type: "REQUIRED" } as const;

/** Version 1 of the columns; a manifest says which version its parts have. `event` holds `meta` and `original` as well. */
const columns: Readonly<Record<string, Column>> = {
  epoch: { ...text, ...required },
  offset: { type: "INT64", ...required },
  sequenced_at: { ...time, ...required },
  stale: { type: "BOOLEAN", ...required },
  repeat: { type: "BOOLEAN", ...required },
  id: text,
  source: text,
  type: text,
  subject: text,
  time,
  chain: text,
  event: { ...text, ...required },
  meta: text,
  original: text,
};

const schema: SchemaElement[] = [
  { name: "log", num_children: Object.keys(columns).length },
  ...Object.entries(columns).map(([name, column]) => ({ name, ...column })),
];

export interface EncodedPart {
  readonly bytes: Uint8Array;
  readonly textSha256: string;
  readonly textBytes: number;
  /** Memory it took, beside what it was given. */
  readonly heldBytes: number;
}

export interface PartContent {
  readonly epoch: string;
  readonly rows: readonly BlockRow[];
  /** Of the same rows, in the same order. */
  readonly columns: EventColumns["values"];
  readonly repeats: readonly boolean[];
}

export function encodePart({ epoch, rows, columns: values, repeats }: PartContent): EncodedPart {
  const data: Readonly<Record<string, ColumnSource["data"]>> = {
    epoch: rows.map(() => epoch),
    offset: rows.map(({ offset }) => BigInt(offset)),
    sequenced_at: rows.map(({ at }) => BigInt(at)),
    stale: rows.map(({ stale }) => stale),
    repeat: [...repeats],
    ...values,
    event: rows.map(({ event }) => event),
  };
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    schema,
    codec: "GZIP",
    compressors: { GZIP: (page) => gzipSync(page) },
    createdBy: "arbitragex",
  });
  const columnData = Object.keys(columns).map((name): ColumnSource => columnOf(name, data[name] ?? []));
  void file.write({ columnData, rowGroupSize: groupRows, pageSize: pageBytes });
  void file.finish();
  // The writer's buffer grows by doubling: for a moment there are two of it.
  return { bytes: writer.getBytes(), ...hashText(epoch, rows), heldBytes: 3 * writer.offset + pageBytes };
}

/** Whole texts have no bounds worth keeping, and no two are alike. */
function columnOf(name: string, data: ColumnSource["data"]): ColumnSource {
  return name === "event" || name === "original" ? { name, data, encoding: "PLAIN", statistics: false } : { name, data };
}

type TextRow = Pick<BlockRow, "offset" | "at" | "stale" | "event">;

/** The hash of the rows as lines of a raw object, and their size. */
export function hashText(epoch: string, rows: Iterable<TextRow>): { textSha256: string; textBytes: number } {
  const hash = createHash("sha256");
  const encoder = new TextEncoder();
  let textBytes = 0;
  let tail = "";
  for (const { offset, at, stale, event } of rows) {
    const head = encoder.encode(tail + renderLogHead({ epoch, offset, at, stale }));
    hash.update(head).update(event);
    textBytes += head.length + event.length;
    tail = "}\n";
  }
  return { textSha256: hash.update(tail).digest("hex"), textBytes: textBytes + tail.length };
}

/** A part that was read back. Throws what hyparquet throws on a file that it cannot read. */
export async function decodePart(file: ArrayBuffer): Promise<PartCursor> {
  const offsets: number[] = [];
  const times: number[] = [];
  const stale: boolean[] = [];
  const events: Uint8Array[] = [];
  const put: Readonly<Record<string, (row: number, value: unknown) => void>> = {
    offset: (row, value) => (offsets[row] = Number(value)),
    sequenced_at: (row, value) => (times[row] = Number(value)),
    stale: (row, value) => (stale[row] = value === true),
    event: (row, value) => (events[row] = value as Uint8Array),
  };
  let heldBytes = file.byteLength;
  await parquetRead({
    file,
    columns: Object.keys(put),
    compressors: { GZIP: (page, bytes) => inflatePage(page, bytes, (held) => (heldBytes += held)) },
    parsers: { stringFromBytes: (bytes) => bytes, timestampFromMilliseconds: Number },
    onChunk: ({ columnName, columnData, rowStart }) => {
      for (let index = 0; index < columnData.length; index += 1) put[columnName]?.(rowStart + index, columnData[index]);
    },
  });
  if (events.length === 0 || events.length !== offsets.length) throw new Error("it holds no events");
  return new PartCursor({ offsets, times, stale, events }, heldBytes);
}

function inflatePage(page: Uint8Array, bytes: number, hold: (bytes: number) => void): Uint8Array {
  hold(bytes);
  // workerd inflates in pieces of 16 KiB and compares the pieces with the maximum, not what is in them.
  return gunzipSync(page, { maxOutputLength: bytes + 65_536 });
}

interface PartColumns {
  readonly offsets: readonly number[];
  readonly times: readonly number[];
  readonly stale: readonly boolean[];
  readonly events: readonly Uint8Array[];
}

export class PartCursor implements LineCursor {
  readonly #columns: PartColumns;
  readonly heldBytes: number;
  #index = 0;

  constructor(columns: PartColumns, heldBytes: number) {
    this.#columns = columns;
    this.heldBytes = heldBytes;
  }

  get openingBytes(): number {
    return this.heldBytes;
  }

  get count(): number {
    return this.#columns.offsets.length;
  }

  get offset(): number {
    return this.#columns.offsets[this.#index] ?? 0;
  }

  get at(): number {
    return this.#columns.times[this.#index] ?? 0;
  }

  get stale(): boolean {
    return this.#columns.stale[this.#index] ?? false;
  }

  get event(): Uint8Array {
    return this.#columns.events[this.#index] ?? new Uint8Array();
  }

  advance(): boolean {
    if (this.#index + 1 >= this.count) return false;
    this.#index += 1;
    return true;
  }

  seek(offset: number): boolean {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#columns.offsets[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    if (low >= this.count) return false;
    this.#index = low;
    return true;
  }

  /** Every row, from the first. */
  *rows(): Generator<TextRow> {
    for (this.#index = 0; this.#index < this.count; this.#index += 1) yield this;
    this.#index = 0;
  }
}
