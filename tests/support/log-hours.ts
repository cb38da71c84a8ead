/** Real-shaped events in the log as consumers leave them: in objects of a batch each, some lines written twice, some late. Also run in
 *  Node, so it takes the bucket as an argument. Deterministic: the same numbers give the same log. */
import { renderEvent } from "../../schemas/render.ts";
import { parseEvent } from "../../schemas/event.ts";
import { putLogObject, startOfHour } from "../../stores/event-log.ts";
import type { LogLine } from "../../stores/event-log.ts";

const chains = ["ethereum", "arbitrum", "polygon", "optimism", "base", "bsc"];

/** mulberry32: any seed gives a number from 0 to 1 that looks random. */
function random(seed: number): number {
  let t = (seed + 0x6d2b79f5) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

/** The event at a position. Every thousandth repeats the id of the one 500 positions before. */
export function loggedLine(epoch: string, offset: number, at: number): LogLine {
  const id = offset % 1_000 === 999 ? offset - 500 : offset;
  const address = (salt: number): string =>
    `0x${Array.from({ length: 5 }, (_, part) =>
      Math.floor(random(id * 31 + salt * 7 + part) * 0xffffffff)
        .toString(16)
        .padStart(8, "0"),
    ).join("")}`;
  const parsed = parseEvent({
    specversion: "1.0",
    id: `evt-${id}`,
    source: "contabo/searcher-1",
    type: "opportunity.detected",
    time: new Date(at - Math.floor(random(id) * 2_000)).toISOString(),
    data: {
      opportunity_id: `opp-${id}`,
      chain: chains[id % chains.length],
      dex_a: "uniswap_v3",
      dex_b: "sushiswap",
      token_pair: "WETH/USDC",
      price_difference: random(id + 1).toFixed(8),
      volume: String(Math.floor(random(id + 2) * 1e6)),
      estimated_profit: (random(id + 4) * 100).toFixed(6),
      profit_currency: "USD",
      risk_score: id % 11,
      timestamp: new Date(at).toISOString(),
      expiry_time: new Date(at + 12_000).toISOString(),
      execution_status: "pending",
      strategy_type: "dex_arbitrage",
      amount_in: String(Math.floor(random(id + 3) * 1e15)),
      gas_estimate: String(Math.floor(random(id + 5) * 500_000)),
      route: [address(1), address(2)],
      metadata: { block: 20_000_000 + Math.floor(id / 20), note: "Grüße, “quoted”, \n and 円" },
    },
  });
  if (!parsed.ok) throw new Error(`the generator made an event that is refused: ${parsed.fault.path} ${parsed.fault.message}`);
  return { epoch, offset, at, stale: offset % 97 === 0, text: renderEvent(parsed.event) };
}

export interface GeneratedLog {
  readonly stream: string;
  readonly epoch: string;
  /** Counted from 1970. */
  readonly firstHour: number;
  /** Positions in each hour, one after the other. */
  readonly eventsOfHour: readonly number[];
  /** Lines of one object. */
  readonly objectLines: number;
  /** Of a hundred lines, how many are written twice. */
  readonly twicePercent: number;
  /** …and how many are kept back. */
  readonly latePercent: number;
}

/** Stores the log and gives back a function that stores what was kept back. */
export async function storeGeneratedLog(
  bucket: R2Bucket,
  log: GeneratedLog,
): Promise<{ events: number; storeLate: () => Promise<number> }> {
  const late: LogLine[][] = [];
  let offset = 0;
  for (const [index, events] of log.eventsOfHour.entries()) {
    const start = startOfHour(log.firstHour + index);
    const held: LogLine[] = [];
    for (let done = 0; done < events; done += log.objectLines) {
      const lines: LogLine[] = [];
      const again: LogLine[] = [];
      for (let n = done; n < Math.min(events, done + log.objectLines); n += 1) {
        offset += 1;
        const line = loggedLine(log.epoch, offset, start + Math.floor((n / events) * 3_599_000));
        const dice = random(offset * 13) * 100;
        if (dice < log.latePercent) held.push(line);
        else lines.push(line);
        if (dice >= 100 - log.twicePercent) again.push(line);
      }
      if (lines.length > 0) await putLogObject(bucket, log.stream, lines);
      // As redelivery leaves it: the same lines in other company.
      if (again.length > 0) await putLogObject(bucket, log.stream, again);
    }
    late.push(held);
  }
  return {
    events: offset,
    async storeLate() {
      for (const lines of late) if (lines.length > 0) await putLogObject(bucket, log.stream, lines);
      return late.reduce((sum, lines) => sum + lines.length, 0);
    },
  };
}
