/** Asks one server the same kind of question again and again, as fast as answers come, and counts what they were. */
import { Agent, request } from "node:http";
import { nowMicros } from "../load/clock.ts";
import { newHistogram, percentileMs, record, type Histogram } from "../load/histogram.ts";
import { usageOf } from "../load/process.ts";
import { host } from "../peers/server.ts";

export interface Question {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The n-th question of a run. */
export type Ask = (serial: number) => Question;

export interface Asked {
  readonly microsCpu: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By status and what the cache says it did: `200 hit`. */
  readonly outcomes: Readonly<Record<string, number>>;
}

const inFlight = 4;

export async function askMany(
  server: { readonly port: number; readonly pids: readonly number[] },
  ask: Ask,
  count: number,
): Promise<Asked> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const latencies = newHistogram();
  const outcomes: Record<string, number> = {};
  let serial = 0;
  const sender = async (): Promise<void> => {
    while (serial < count) {
      const question = ask((serial += 1));
      const outcome = await askOne({ agent, port: server.port, question, latencies });
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  const before = usageOf(server.pids);
  try {
    await Promise.all(Array.from({ length: inFlight }, sender));
  } finally {
    agent.destroy();
  }
  const cpuMs = usageOf(server.pids).cpuMs - before.cpuMs;
  const at = (share: number): number => percentileMs(latencies, share) ?? Number.NaN;
  return { microsCpu: (cpuMs * 1_000) / count, p50Ms: at(0.5), p99Ms: at(0.99), outcomes };
}

interface One {
  readonly agent: Agent;
  readonly port: number;
  readonly question: Question;
  readonly latencies: Histogram;
}

function askOne({ agent, port, question, latencies }: One): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const startedMicros = nowMicros();
  const sent = request({ agent, host, port, path: question.path, headers: { ...question.headers } }, (response) => {
    response.resume();
    response.on("error", reject);
    response.on("end", () => {
      record(latencies, nowMicros() - startedMicros);
      const [, became = ""] = /;\s*(hit|fwd=[a-z-]+)/.exec(String(response.headers["cache-status"] ?? "")) ?? [];
      resolve(`${response.statusCode ?? 0} ${became}`.trim());
    });
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}
