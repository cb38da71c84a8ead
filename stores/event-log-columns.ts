/** The columns one asks for beside an event's text: what its envelope says, and its chain. An event that cannot be read has none; its
 *  text stays. Pure. */
import type { BlockRow } from "./event-log-block.ts";

/** Names of `columnsOf`'s columns; the others of a part come from the position. */
type Name = "id" | "source" | "type" | "subject" | "time" | "chain" | "meta" | "original";

export interface EventColumns {
  readonly values: Readonly<Record<Name, readonly (string | bigint | undefined)[] & unknown[]>>;
  readonly eventTime: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly heldBytes: number;
}

/** A string's and an array slot's own bytes. */
const stringBytes = 24;
const slotBytes = 8;

export function columnsOf(rows: readonly Pick<BlockRow, "event">[]): EventColumns {
  const values: Record<Name, (string | bigint | undefined)[]> = {
    id: [],
    source: [],
    type: [],
    subject: [],
    time: [],
    chain: [],
    meta: [],
    original: [],
  };
  const decoder = new TextDecoder();
  let heldBytes = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  const keep = (name: Name, value: string | bigint | undefined): void => {
    values[name].push(value);
    heldBytes += slotBytes + (typeof value === "string" ? stringBytes + value.length : 0);
  };
  for (const { event } of rows) {
    const fields = fieldsOf(decoder.decode(event));
    for (const name of ["id", "source", "type", "subject", "original"] as const) keep(name, textOf(fields[name]));
    keep("chain", textOf(recordOf(fields["data"])["chain"]));
    keep("meta", fields["meta"] === undefined ? undefined : JSON.stringify(fields["meta"]));
    const timeMs = Date.parse(textOf(fields["time"]) ?? "");
    keep("time", Number.isNaN(timeMs) ? undefined : BigInt(timeMs));
    if (timeMs < fromMs) fromMs = timeMs;
    if (timeMs > toMs) toMs = timeMs;
  }
  return { values, heldBytes, eventTime: toMs < fromMs ? undefined : { fromMs, toMs } };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
