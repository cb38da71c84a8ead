/** One size of post: the ceiling, then more than that, then less. A subscriber listens throughout. */
import { nowMicros } from "../load/clock.ts";
import { dialects } from "../load/dialect.ts";
import { calm } from "../load/measure.ts";
import { pollUntil } from "../load/poll.ts";
import { Poster, type PostReport } from "../load/poster.ts";
import { usageOf } from "../load/process.ts";
import type { Stage } from "../load/stage.ts";
import type { EdgeServer } from "../peers/edge.ts";

export type EdgeName = "edge" | "edge-path";

export interface CeilingPlan {
  readonly batch: number;
  readonly seconds: number;
  readonly inFlight: number;
  readonly factor: number;
  /** What waits must wait at the edge, which is to refuse it, and not for a connection of ours: more than are answered in half a second. */
  readonly connections: number;
}

export interface Phase {
  readonly posted: PostReport;
  /** Events a second that were accepted, and that got a position, until the last post was answered. */
  readonly acceptedPerSecond: number;
  readonly sequencedPerSecond: number;
  /** Of the runtime's process, and of this one, which posts and subscribes. */
  readonly cores: number;
  readonly loadCores: number;
}

export interface Recovery {
  readonly phase: Phase;
  /** From the end of the overload until every accepted event had its position. */
  readonly settledSeconds: number;
  /** Every accepted event got a position and reached the subscriber. */
  readonly isComplete: boolean;
  readonly accepted: number;
  readonly sequenced: number;
  readonly delivered: number;
  readonly holes: number;
}

export interface CeilingResult {
  readonly plan: CeilingPlan;
  readonly ceiling: Phase;
  readonly overload: Phase;
  readonly recovery: Recovery;
}

const settling = { waitMs: 180_000, everyMs: 200 };
/** Of what was lately possible: what anybody should be served well at. */
const recoveryShare = 0.5;

export async function runSize(stage: Stage, name: EdgeName, plan: CeilingPlan): Promise<CeilingResult> {
  const server = await stage.server(name);
  const { batch, seconds, inFlight, factor, connections } = plan;
  // Cold code would pass for a low ceiling.
  await stage.measure(
    { name, server: name, dialect: dialects.edgeBatch },
    { sockets: 1, eventsPerSecond: 100, batch, seconds: 1, stamp: "due" },
  );
  const { host, port } = server;
  await stage.audience.open({ host, port, dialect: dialects.edgeBatch, sockets: 1, sinceMicros: nowMicros() });
  const poster = new Poster(server, connections);
  try {
    const first = (await server.status()).top;
    const ceiling = await phase(server, () => poster.flatOut({ batch, seconds, inFlight }));
    await calm(server.pids);
    const offered = ceiling.acceptedPerSecond * factor;
    const overload = await phase(server, () => poster.steadily({ eventsPerSecond: offered, batch, seconds, stamp: "due" }));
    const overAt = performance.now();
    const half = ceiling.acceptedPerSecond * recoveryShare;
    const after = await phase(server, () => poster.steadily({ eventsPerSecond: half, batch, seconds, stamp: "due" }));
    const accepted = [ceiling, overload, after].reduce((sum, { posted }) => sum + posted.acceptedEvents, 0);
    const settled = await settle(server, () => stage.audience.report(), { first, accepted });
    const settledSeconds = (performance.now() - overAt) / 1_000;
    const isComplete = settled.sequenced >= accepted && settled.delivered === settled.sequenced;
    return { plan, ceiling, overload, recovery: { phase: after, settledSeconds, isComplete, accepted, ...settled } };
  } finally {
    poster.close();
    await stage.audience.close();
    await calm(server.pids);
  }
}

async function phase(server: EdgeServer, post: () => Promise<PostReport>): Promise<Phase> {
  const [before, load, { top }] = [usageOf(server.pids), usageOf([process.pid]), await server.status()];
  const posted = await post();
  const end = await server.status();
  const [after, loadAfter] = [usageOf(server.pids), usageOf([process.pid])];
  const spanMs = after.atMs - before.atMs;
  return {
    posted,
    sequencedPerSecond: (end.top - top) / (spanMs / 1_000),
    acceptedPerSecond: posted.acceptedEvents / posted.answeredSeconds,
    cores: (after.cpuMs - before.cpuMs) / spanMs,
    loadCores: (loadAfter.cpuMs - load.cpuMs) / spanMs,
  };
}

interface Settled {
  readonly sequenced: number;
  readonly delivered: number;
  readonly holes: number;
}

/** Waits until what the inbox took has come by its slow way. */
async function settle(
  server: EdgeServer,
  report: () => Promise<{ delivered: number; holes: number; disordered: number }>,
  { first, accepted }: { first: number; accepted: number },
): Promise<Settled> {
  const count = async (): Promise<Settled> => {
    const sequenced = (await server.status()).top - first;
    const { delivered, holes, disordered } = await report();
    return { sequenced, delivered, holes: holes + disordered };
  };
  const isDone = ({ sequenced, delivered }: Settled): boolean => sequenced >= accepted && delivered >= sequenced;
  return await pollUntil(count, isDone, settling);
}
