/** Counted operations times the price sheet: dollars per million events, line by line. Pure. */
import { objectGb, prices, socketMessagesPerRequest } from "../../schemas/prices.ts";
import type { Counts } from "./counts.ts";

/** Counted on the bindings of a run, or estimated because a local runtime cannot know it. */
export type Basis = "counted" | "estimated";

export interface CostLine {
  readonly binding: string;
  readonly operation: string;
  readonly basis: Basis;
  readonly operations: number;
  readonly dollars: number;
}

/** What cannot be counted locally. */
export interface Estimates {
  /** Of the whole runtime process, simulators of queues and stores included: an upper bound. */
  readonly cpuMs: number;
}

interface Tariff {
  readonly prefix: string;
  readonly binding: string;
  readonly price: number;
  readonly basis: Basis;
}

const tariffs: readonly Tariff[] = [
  { prefix: "worker.", binding: "Workers requests", price: prices.workerRequest, basis: "counted" },
  { prefix: "object.", binding: "Durable Object requests", price: prices.objectRequest, basis: "counted" },
  { prefix: "socket.", binding: "Durable Object requests", price: prices.objectRequest / socketMessagesPerRequest, basis: "counted" },
  { prefix: "rows.written.", binding: "Durable Object rows written", price: prices.objectRowWritten, basis: "counted" },
  { prefix: "rows.read.", binding: "Durable Object rows read", price: prices.objectRowRead, basis: "counted" },
  { prefix: "queue.", binding: "Queues", price: prices.queueOperation, basis: "counted" },
  { prefix: "r2.a.", binding: "R2 class A", price: prices.r2ClassA, basis: "counted" },
  { prefix: "r2.b.", binding: "R2 class B", price: prices.r2ClassB, basis: "counted" },
  { prefix: "kv.write.", binding: "KV", price: prices.kvWrite, basis: "counted" },
  { prefix: "kv.read.", binding: "KV", price: prices.kvRead, basis: "counted" },
  { prefix: "d1.written.", binding: "D1 rows written", price: prices.d1RowWritten, basis: "counted" },
  { prefix: "d1.read.", binding: "D1 rows read", price: prices.d1RowRead, basis: "counted" },
  { prefix: "awake.", binding: "Durable Object duration", price: prices.objectGbSecond * objectGb, basis: "estimated" },
];

export function costLines(counts: Counts, estimates: Estimates): CostLine[] {
  const lines = Object.entries(counts).flatMap(([name, operations]) => {
    const tariff = tariffs.find(({ prefix }) => name.startsWith(prefix));
    if (tariff === undefined) return [];
    const { prefix, binding, price, basis } = tariff;
    return [{ binding, operation: name.slice(prefix.length), basis, operations, dollars: operations * price }];
  });
  const cpu = { binding: "Workers CPU", operation: "all of the runtime's", basis: "estimated" } as const;
  return [...lines, { ...cpu, operations: estimates.cpuMs, dollars: estimates.cpuMs * prices.workerCpuMs }];
}

/** The design's table leaves D1 out: its bill follows from the entities, not from the batches. */
export function isD1({ binding }: CostLine): boolean {
  return binding.startsWith("D1");
}

export interface BindingCost {
  readonly binding: string;
  readonly basis: Basis;
  readonly operationsPerEvent: number;
  readonly perMillion: number;
  /** Its operations, dearest first. */
  readonly parts: readonly { readonly operation: string; readonly operationsPerEvent: number; readonly perMillion: number }[];
}

/** By binding, in the order of the price sheet. */
export function byBinding(lines: readonly CostLine[], events: number): BindingCost[] {
  const order = [...new Set([...tariffs.map(({ binding }) => binding), "Workers CPU"])];
  const perMillion = (dollars: number): number => (dollars / events) * 1_000_000;
  return order.flatMap((binding) => {
    const own = lines.filter((line) => line.binding === binding);
    const [head] = own;
    if (head === undefined) return [];
    const parts = own
      .map(({ operation, operations, dollars }) => ({
        operation,
        operationsPerEvent: operations / events,
        perMillion: perMillion(dollars),
      }))
      .toSorted((a, b) => b.perMillion - a.perMillion);
    const total = { operations: 0, dollars: 0 };
    for (const { operations, dollars } of own) {
      total.operations += operations;
      total.dollars += dollars;
    }
    return [{ binding, basis: head.basis, operationsPerEvent: total.operations / events, perMillion: perMillion(total.dollars), parts }];
  });
}

/** Dollars per million events without D1 (DESIGN, «What "fast" means here»). */
export const targetsPerMillion: Readonly<Record<number, number>> = { 1: 3, 10: 0.5, 100: 0.15 };
/** D1 rows written over the life of an opportunity, and for a further update within it. */
export const d1Targets = { life: 4, update: 1, stale: 0 } as const;
