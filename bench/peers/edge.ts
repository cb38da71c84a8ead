/** Our own Worker with everything wrangler.toml says, whole or without what lies behind its queues. */
import { join, resolve } from "node:path";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { migrateAll } from "../../demo/edge/migrate.ts";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import { startRuntime } from "./runtime.ts";
import { host, jsonHeaders, type Server } from "./server.ts";

export interface EdgeServer extends Server {
  /** Where the stream of opportunities stands. */
  status(): Promise<{ readonly top: number; readonly outbox: Readonly<Record<string, number>> }>;
}

const root = resolve(import.meta.dirname, "../..");

export async function startEdge(entry: "worker.ts" | "bench/worker/peers/edge-without-stores.ts"): Promise<EdgeServer> {
  const config = unstable_readConfig({ config: join(root, "wrangler.toml") });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const variables = { ...config.vars, ...readDevVars(root) };
  const { runtime, port, pids, stop } = await startRuntime(resolve(root, entry), { ...workerOptions, bindings: variables });
  await migrateAll(runtime, config.d1_databases, root);
  const [key = ""] = requireVariable(variables, "INGEST_API_KEYS").split(",");
  return {
    host,
    port,
    pids,
    stop,
    post: { path: "/api/events", headers: { ...jsonHeaders, authorization: `Bearer ${key}` }, takesArrays: true },
    async status() {
      const headers = { "x-api-key": requireVariable(variables, "OPS_API_KEY") };
      const response = await fetch(`http://${host}:${port}/ops/channels`, { headers });
      const { data } = (await response.json()) as { data: { stream: string; top: number; outbox: Record<string, number> }[] };
      const found = data.find(({ stream }) => stream === "opportunities");
      if (found?.outbox === undefined) throw new Error("the stream of opportunities does not answer");
      return found;
    },
  };
}
