/** One measurement: subscribers, a steady rate of events, and what the server used meanwhile. The load goes on before and after the window
 *  that is measured, so that the window holds nothing but its steady state. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../peers/server.ts";
import type { Audience } from "./audience.ts";
import type { AudienceReport } from "./audience-thread.ts";
import { nowMicros } from "./clock.ts";
import type { Dialect } from "./dialect.ts";
import type { Histogram } from "./histogram.ts";
import { pollUntil } from "./poll.ts";
import { Poster, type PostReport, type Rate } from "./poster.ts";
import { usageOf } from "./process.ts";

export interface Load {
  readonly sockets: number;
  readonly eventsPerSecond: number;
  readonly batch: number;
  readonly seconds: number;
  readonly stamp: Rate["stamp"];
}

export interface Measurement {
  readonly load: Load;
  /** CPU of the window, without what the idle server uses. */
  readonly cpuMs: number;
  /** Share of a core. */
  readonly cores: number;
  /** In the window. */
  readonly delivered: number;
  readonly lag: Histogram;
  /** Of the whole run. */
  readonly expected: number;
  readonly final: AudienceReport;
  readonly posted: PostReport;
  readonly residentBytes: number;
}

const idleMs = 700;
const warmMs = 1_000;
/** A run that is still delivering by then is cut off: what is missing counts as not delivered. */
const drain = { waitMs: 10_000, everyMs: 100 };

export async function measure(
  server: Server,
  audience: Audience,
  { load, dialect }: { load: Load; dialect: Dialect },
): Promise<Measurement> {
  const { host, port, pids } = server;
  const { sockets, seconds } = load;
  const poster = new Poster(server);
  try {
    if (sockets > 0) await audience.open({ host, port, dialect, sockets, sinceMicros: nowMicros() });
    await calm(pids);
    const idle = usageOf(pids);
    await sleep(idleMs);
    const before = usageOf(pids);
    const posting = poster.steadily({ ...load, seconds: seconds + warmMs / 1_000 });
    await sleep(warmMs);
    const opened = { usage: usageOf(pids), report: await audience.report() };
    await sleep(seconds * 1_000);
    const closed = { usage: usageOf(pids), report: await audience.report() };
    const posted = await posting;
    const expected = posted.acceptedEvents * sockets;
    const isAll = ({ delivered }: AudienceReport): boolean => delivered >= expected;
    const final = isAll(closed.report) ? closed.report : await pollUntil(() => audience.report(), isAll, drain);
    const spanMs = closed.usage.atMs - opened.usage.atMs;
    const idleShare = (before.cpuMs - idle.cpuMs) / (before.atMs - idle.atMs);
    const usedMs = closed.usage.cpuMs - opened.usage.cpuMs;
    return {
      load,
      cpuMs: Math.max(0, usedMs - idleShare * spanMs),
      cores: usedMs / spanMs,
      delivered: closed.report.delivered - opened.report.delivered,
      lag: closed.report.lag,
      expected,
      final,
      posted,
      residentBytes: closed.usage.residentBytes,
    };
  } finally {
    poster.close();
    await audience.close();
  }
}

const calmShare = 0.05;
const calmWindowMs = 200;
const calmWaitMs = 30_000;

/** Waits until the server has nothing left to do from before. */
export async function calm(pids: readonly number[]): Promise<void> {
  const busyShare = async (): Promise<number> => {
    const before = usageOf(pids);
    await sleep(calmWindowMs);
    const after = usageOf(pids);
    return (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs);
  };
  await pollUntil(busyShare, (share) => share < calmShare, { waitMs: calmWaitMs, everyMs: 0 });
}
