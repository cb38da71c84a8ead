/** `npm run bench -- idle`: what relays cost that hold sockets while nothing happens. Counts some minutes of renewals and multiplies. */
import { setTimeout as sleep } from "node:timers/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Subscriber } from "../../demo/subscriber.ts";
import { mintToken } from "../../demo/token.ts";
import { renewEveryMs } from "../../schemas/limits.ts";
import type { Bench } from "../index.ts";
import { since, type Counts } from "./counts.ts";
import { startEdge } from "./edge.ts";
import { byBinding, costLines } from "./model.ts";
import { Steering } from "./steering.ts";

const options = {
  seconds: { type: "string", default: "120" },
  relays: { type: "string", default: "40" },
  channels: { type: "string", default: "opportunities" },
} as const;

const monthMs = 30 * 24 * 3_600_000;
/** Subscribing writes positions a second later; what follows is idleness. */
const settleMs = 15_000;

export const idleBench: Bench = {
  summary: "dollars a month for relays that hold sockets while nothing happens",
  usage: [
    "--seconds 120             how long to count",
    "--relays 40               relays to state the cost of",
    "--channels opportunities  what the sockets subscribe to",
  ].join("\n"),
  run: runIdle,
};

async function runIdle(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const seconds = Number(values.seconds);
  const relays = Number(values.relays);
  const edge = await startEdge(resolve(import.meta.dirname, "../.."));
  try {
    const subscribers = edge.regions.map(
      (region) =>
        new Subscriber({
          url: `ws://${edge.url.host}/ws?bench_region=${region}`,
          channels: values.channels.split(","),
          mintToken: () => mintToken(edge.variables),
          onEvent: () => undefined,
        }),
    );
    await Promise.all(subscribers.map(({ ready }) => ready));
    await sleep(settleMs);
    const steering = new Steering(edge.url);
    const before = await steering.counts();
    await sleep(seconds * 1_000);
    const counts = since(before, await steering.counts());
    for (const subscriber of subscribers) subscriber.close();
    console.log(render(counts, { seconds, measured: edge.regions.length, relays }));
    return 0;
  } finally {
    await edge.stop();
  }
}

function render(counts: Counts, { seconds, measured, relays }: { seconds: number; measured: number; relays: number }): string {
  const months = (relays / measured) * (monthMs / (seconds * 1_000));
  const rows = byBinding(costLines(counts, { cpuMs: 0 }), 1).flatMap(({ binding, basis, parts }) =>
    parts
      .filter(({ operationsPerEvent }) => operationsPerEvent > 0)
      .map(({ operation, operationsPerEvent, perMillion }) => ({
        binding,
        basis,
        operation,
        count: operationsPerEvent,
        dollars: perMillion / 1e6,
      })),
  );
  const lines = rows.map(
    ({ binding, basis, operation, count, dollars }) =>
      `  ${`${binding}: ${operation}${basis === "estimated" ? " (estimate)" : ""}`.padEnd(60)}${(count / measured).toFixed(1).padStart(8)}  $${(dollars * months).toFixed(2)}`,
  );
  const sum = (wanted: string): number =>
    rows.filter(({ basis }) => basis === wanted).reduce((total, { dollars }) => total + dollars * months, 0);
  return [
    `${measured} relays counted for ${seconds} s, renewing each ${renewEveryMs / 1_000} s; operations per relay, dollars a month for ${relays}:`,
    ...lines,
    `  operations $${sum("counted").toFixed(2)} a month, duration at most $${sum("estimated").toFixed(2)} more (a second for each in which an object worked)`,
  ].join("\n");
}
