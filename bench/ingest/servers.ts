/** The Workers of the ingest bench, each with its queues on the local broker and consumers that keep nothing. */
import { join, resolve } from "node:path";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import { startRuntime } from "../peers/runtime.ts";
import { host, type Server } from "../peers/server.ts";

export type IngestServer = Pick<Server, "host" | "port" | "pids" | "stop"> & {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
};

const root = resolve(import.meta.dirname, "../..");
const peers = join(root, "bench/worker/peers");

/** `bare` uses the fewest calls of the queue there can be, a hundred messages each; `singly` makes one for each event. */
export const servers = { edge: startEdge, bare: () => startBare("/"), singly: () => startBare("/singly") } as const;
export type ServerName = keyof typeof servers;

async function startEdge(): Promise<IngestServer> {
  const config = unstable_readConfig({ config: join(root, "wrangler.toml") });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const variables = { ...config.vars, ...readDevVars(root) };
  const { port, pids, stop } = await startRuntime(join(peers, "edge-to-queues.ts"), { ...workerOptions, bindings: variables });
  const [key = ""] = requireVariable(variables, "INGEST_API_KEYS").split(",");
  return { host, port, pids, stop, path: "/api/events", headers: { authorization: `Bearer ${key}` } };
}

async function startBare(path: string): Promise<IngestServer> {
  const { port, pids, stop } = await startRuntime(join(peers, "message-each.ts"), {
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
    queueProducers: { EVENTS: { queueName: "events" } },
    // As the hot cache's in wrangler.toml; a batch is as large as it gets, in its favour.
    queueConsumers: { events: { maxBatchSize: 100, maxBatchTimeout: 1 } },
  });
  return { host, port, pids, stop, path, headers: {} };
}
