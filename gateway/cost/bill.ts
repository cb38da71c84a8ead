/** Counted operations to a bill by service. Pure. Each tariff says which counts it prices, and whether they are the operations themselves or
 *  something from which those follow. */
import { objectGb, prices, pricesReadOn, socketMessagesPerRequest } from "../../schemas/prices.ts";
import { operationSlotMs } from "../../schemas/limits-cost.ts";
import type { CostLine, CostReport } from "../../schemas/cost.ts";
import type { OperationCounts, OperationSlot } from "../../schemas/operations.ts";

interface Tariff {
  /** Names that start with it. */
  readonly prefix: string;
  readonly service: string;
  readonly price: number;
  readonly basis: CostLine["basis"];
  /** Billed operations for each that was counted. */
  readonly times?: number;
  /** What is billed, where that is not the name's rest. */
  readonly operation?: string;
}

const duration = { service: "Durable Object duration", price: prices.objectGbSecond, basis: "derived", times: objectGb } as const;

const tariffs: readonly Tariff[] = [
  // Each publish of the live lane is a request to the Worker, or a part of one.
  { prefix: "object.channel.publish", service: "Workers requests", price: prices.workerRequest, basis: "derived", operation: "ingest" },
  { prefix: "object.relay.upgrade", service: "Workers requests", price: prices.workerRequest, basis: "derived", operation: "sockets" },
  { prefix: "object.", service: "Durable Object requests", price: prices.objectRequest, basis: "counted" },
  {
    prefix: "socket.",
    service: "Durable Object requests",
    operation: "socket messages, twenty of them one request",
    price: prices.objectRequest / socketMessagesPerRequest,
    basis: "counted",
  },
  { prefix: "rows.", service: "Durable Object rows written", price: prices.objectRowWritten, basis: "counted" },
  { prefix: "awake.", ...duration },
  // The channel counts what it sends; each message is then read and deleted once.
  { prefix: "queue.", service: "Queues", price: prices.queueOperation, basis: "derived", times: 3 },
  { prefix: "d1.", service: "D1 rows written", price: prices.d1RowWritten, basis: "counted" },
  // Each object of the log is one PUT.
  { prefix: "r2.put", service: "R2 class A", price: prices.r2ClassA, basis: "derived" },
];

/** What these objects do not see. */
export const notCounted: readonly string[] = [
  "CPU time of the Worker: the dashboard has it",
  "Workers requests that neither post events nor open sockets (reading, proxy, operators), and consumers' batches",
  "the Upstream and RateLimiter objects",
  "rows read of D1 and of objects: a thousandth of a written one each",
  "D1 rows written by pruning, sessions, the audit log and compaction; retries of a write",
  "KV, R2 reads and listings, compaction's objects, Workflows, the inbox and dead-letter queues, retried messages",
  "objects of the log that were compacted and deleted already (LOG_GRACE_HOURS)",
  "what a channel did between two sleeps in which no event came, such as renewals of idle relays (`bench -- idle` counts those)",
  "channels of replays, which clear themselves away",
  "the plan's monthly fee, and what it includes",
];

export interface Counted {
  readonly slots: readonly OperationSlot[];
  /** PUTs of log objects, concluded from what the log holds. */
  readonly logObjects: number;
  readonly unreachable: readonly string[];
}

export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The start of the slots that hold the last `hours`. */
export function startOfSlots(nowMs: number, hours: number): number {
  return Math.floor((nowMs - hours * 3_600_000) / operationSlotMs) * operationSlotMs;
}

export function billOf({ slots, logObjects, unreachable }: Counted, { fromMs, toMs }: Period): CostReport {
  const { events = 0, ...counts } = sumOf(slots);
  const lines = linesOf({ ...counts, "r2.put.event-log": logObjects });
  const counted = totalOf(lines, "counted");
  const derived = totalOf(lines, "derived");
  const total = counted + derived;
  const hours = (toMs - fromMs) / 3_600_000;
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    prices_read_on: pricesReadOn,
    events,
    lines,
    dollars: {
      counted,
      derived,
      total,
      per_hour: total / hours,
      ...(events === 0 ? {} : { per_million_events: (total / events) * 1_000_000 }),
    },
    not_counted: [...notCounted],
    unreachable: [...unreachable],
  };
}

function linesOf(counts: OperationCounts): CostLine[] {
  return Object.entries(counts)
    .flatMap(([name, count]) => tariffs.filter(({ prefix }) => name.startsWith(prefix)).map((tariff) => lineOf(name, count, tariff)))
    .filter(({ operations }) => operations > 0)
    .toSorted((a, b) => b.dollars - a.dollars);
}

function lineOf(name: string, count: number, { prefix, service, price, basis, times = 1, operation }: Tariff): CostLine {
  const operations = count * times;
  return {
    service,
    operation: operation ?? (name.slice(prefix.length).replace(/^\./, "") || name),
    basis,
    operations,
    dollars: operations * price,
  };
}

function sumOf(slots: readonly OperationSlot[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { counts } of slots) for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function totalOf(lines: readonly CostLine[], basis: CostLine["basis"]): number {
  return lines.filter((line) => line.basis === basis).reduce((sum, { dollars }) => sum + dollars, 0);
}
