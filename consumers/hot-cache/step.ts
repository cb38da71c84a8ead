/** Brings a batch of sequenced events into D1. Per stream: read the lines, write the newest states, park what can never be written,
 *  then tell the channel what is applied, and only then is a message done (DESIGN 12). A stream that fails retries its own messages. */
import { messageOf } from "../../platform/errors.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import type { AppliedRequest } from "../../schemas/rpc.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { writeAround } from "../../stores/write-around.ts";
import type { HotTable, Placed } from "../../stores/hot-cache-tables.ts";
import { done, park, retry } from "../consume.ts";
import type { Outcome } from "../consume.ts";
import { rangesOf } from "./ranges.ts";
import { readEvents, toPoison } from "./read-events.ts";
import type { Poison, PositionsMessage, ReadEvent } from "./read-events.ts";

export interface HotCacheDeps {
  /** Upserts the newest states and answers how many rows the database wrote; throws on failure. */
  write(table: HotTable, placed: readonly Placed[]): Promise<number>;
  /** Whether an error of `write` is the fault of the values themselves. */
  isValueFault(error: unknown): boolean;
  park(poison: Poison): Promise<unknown>;
  applied(request: AppliedRequest): Promise<void>;
}

export async function hotCacheStep(items: readonly PackedMessage[], deps: HotCacheDeps): Promise<Outcome[]> {
  const streams = Map.groupBy(items.filter(isPositions), ({ stream }) => stream);
  const verdicts = new Map<string, Outcome>();
  await Promise.all(
    [...streams].map(async ([stream, messages]) => {
      verdicts.set(stream, await settleStream(stream, messages, deps));
    }),
  );
  return items.map((item) => {
    if (item.kind !== "positions") return park("an inbox message on the hot-cache queue");
    return verdicts.get(item.stream) ?? retry("the stream was not settled");
  });
}

function isPositions(item: PackedMessage): item is PositionsMessage {
  return item.kind === "positions";
}

async function settleStream(stream: string, messages: readonly PositionsMessage[], deps: HotCacheDeps): Promise<Outcome> {
  try {
    const { poisons, rowsWritten } = await applyStream(stream, messages, deps);
    for (const poison of poisons) await deps.park(poison);
    for (const [index, request] of marksOf(stream, messages, poisons).entries())
      await deps.applied(index === 0 ? { ...request, d1RowsWritten: rowsWritten } : request);
    return done;
  } catch (error) {
    return retry(messageOf(error));
  }
}

interface Applied {
  readonly poisons: readonly Poison[];
  /** What D1 bills for it: the channel counts it. */
  readonly rowsWritten: number;
}

async function applyStream(stream: string, messages: readonly PositionsMessage[], deps: HotCacheDeps): Promise<Applied> {
  const table = findHotTable(stream);
  // Nothing to write, yet the positions must count as settled or the stream's snapshot would wait for them for ever.
  if (table === undefined) return { poisons: [], rowsWritten: 0 };
  const { events, poisons } = readEvents(stream, messages);
  let rowsWritten = 0;
  const write = async (placed: readonly ReadEvent[]): Promise<void> => {
    rowsWritten += await deps.write(table, placed);
  };
  const refused = await writeAround(events, { write, isValueFault: deps.isValueFault });
  requireNeighbour(events.length, refused);
  return { poisons: [...poisons, ...refused.map(({ event, reason }) => toPoison(stream, event, reason))], rowsWritten };
}

/** From this many events on, one and the same refusal of all of them is read as a schema that does not fit the code. */
const suspiciousEventsMin = 32;

/** Poison is an exception among good neighbours. Where everything is refused for one reason a deploy went wrong: that heals, and
 *  parking a day's events one by one would be the real loss. */
function requireNeighbour(tried: number, refused: readonly { readonly reason: string }[]): void {
  const [head] = refused;
  if (head === undefined || tried < suspiciousEventsMin || refused.length < tried) return;
  if (refused.every(({ reason }) => reason === head.reason)) throw new Error(`all ${tried} events refused: ${head.reason}`);
}

/** One mark per epoch. Poison is settled too, but listed: a snapshot says that it lacks it, instead of never moving on. */
function marksOf(stream: string, messages: readonly PositionsMessage[], poisons: readonly Poison[]): AppliedRequest[] {
  return [...Map.groupBy(messages, ({ epoch }) => epoch)].map(([epoch, group]) => {
    const incomplete = new Set(poisons.filter((poison) => poison.epoch === epoch).map(({ row }) => row.first));
    const offsets = group.flatMap(({ rows }) => rows.flatMap((row) => Array.from({ length: row.count }, (_, index) => row.first + index)));
    const ranges = rangesOf(offsets.filter((offset) => !incomplete.has(offset)));
    return { v: 1, stream, epoch, ranges, ...(incomplete.size > 0 ? { incomplete: rangesOf(incomplete) } : {}) };
  });
}
