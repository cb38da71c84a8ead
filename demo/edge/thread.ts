/** The thread the edge runs in. Miniflare answers some calls to its bindings synchronously, blocking its thread: in the demo's own
 *  thread that would be measured as latency of the edge. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../platform/errors.ts";
import { startEdge, type EdgeOptions } from "./edge.ts";
import { LogFollower, readCache, readWholeLog, type Databases, type LogReading, type WantedRows } from "./stores.ts";
import type { CachedRow } from "../ledger.ts";

/** What the demo may ask, and what it gets. */
export interface Calls {
  start(): { readonly url: string; readonly variables: Readonly<Record<string, unknown>> };
  readCache(wanted: WantedRows): readonly CachedRow[];
  followLog(): readonly string[];
  readWholeLog(): LogReading;
  stop(): void;
}

export interface Question {
  readonly call: number;
  readonly method: keyof Calls;
  readonly wanted: WantedRows;
}

export type Answer = { readonly call: number; readonly result: unknown } | { readonly call: number; readonly error: string };

const startedMs = Date.now();
const edge = startEdge(workerData as EdgeOptions);
// A failed start is the answer to `start`, not an unhandled rejection.
edge.catch(() => undefined);
let follower: LogFollower | undefined;

async function answer({ method, wanted }: Question): Promise<ReturnType<Calls[keyof Calls]>> {
  const { url, variables, runtime, stop } = await edge;
  if (method === "start") return { url: url.href, variables };
  if (method === "stop") return stop();
  const { EDGE_LOGS: log, ...databases } = await runtime.getBindings<Databases & { readonly EDGE_LOGS: R2Bucket }>();
  if (method === "readCache") return readCache(databases, wanted);
  if (method === "readWholeLog") return readWholeLog(log, startedMs);
  follower ??= new LogFollower(log, startedMs);
  return follower.follow();
}

parentPort?.on("message", (question: Question) => {
  const { call } = question;
  answer(question).then(
    (result) => parentPort?.postMessage({ call, result } satisfies Answer),
    (error: unknown) => parentPort?.postMessage({ call, error: messageOf(error) } satisfies Answer),
  );
});
