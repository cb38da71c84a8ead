/** Counted operations of the way from the channel to the sockets times the price sheet: dollars per million events and per month. What
 *  queues, D1 and R2 cost beside it, `npm run bench -- cost` counts. Pure. */
import { objectGb, prices } from "../schemas/prices.ts";
import type { Tally } from "./tally.ts";

export interface CostLine {
  readonly name: string;
  /** Duration is an estimate: how long an object counts as awake is the platform's affair. */
  readonly basis: "counted" | "estimated";
  readonly operations: number;
  readonly perMillion: number;
  readonly perMonth: number;
}

export interface Spell {
  readonly events: number;
  readonly seconds: number;
  readonly relays: number;
}

const million = 1_000_000;
const secondsPerMonth = 30 * 86_400;

type Counted = Pick<
  Tally,
  "posts" | "directCalls" | "carriedCalls" | "interestCalls" | "historyCalls" | "alarms" | "logRows" | "alarmRows" | "interestRows"
>;

export function costLines(counts: Counted, { events, seconds, relays }: Spell): CostLine[] {
  const { objectRequest, objectRowWritten, objectGbSecond } = prices;
  const line = (name: string, operations: number, price: number): CostLine => ({
    name,
    basis: "counted",
    operations,
    perMillion: ((operations * price) / events) * million,
    perMonth: ((operations * price) / seconds) * secondsPerMonth,
  });
  const awake = line("duration: seconds of objects awake", (1 + relays) * seconds, objectGbSecond * objectGb);
  return [
    line("requests: posts to the channel", counts.posts, objectRequest),
    line("requests: calls of the hub", counts.directCalls, objectRequest),
    line("requests: calls of carriers", counts.carriedCalls, objectRequest),
    line("requests: renewals, joins, history, alarms", counts.interestCalls + counts.historyCalls + counts.alarms, objectRequest),
    line("rows written: the log's", counts.logRows, objectRowWritten),
    line("rows written: alarms and registrations", counts.alarmRows + counts.interestRows, objectRowWritten),
    { ...awake, basis: "estimated" },
  ];
}

export function total(lines: readonly CostLine[], basis: CostLine["basis"]): { readonly perMillion: number; readonly perMonth: number } {
  const sum = { perMillion: 0, perMonth: 0 };
  for (const line of lines) {
    if (line.basis !== basis) continue;
    sum.perMillion += line.perMillion;
    sum.perMonth += line.perMonth;
  }
  return sum;
}
