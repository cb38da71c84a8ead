/** The whole edge and, beside it, a handler that returns the same body. */
import { join, resolve } from "node:path";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { migrateAll } from "../../demo/edge/migrate.ts";
import { readDevVars } from "../../demo/edge/variables.ts";
import { startRuntime, type Runtime } from "../peers/runtime.ts";
import { host, jsonHeaders, type Server } from "../peers/server.ts";

const root = resolve(import.meta.dirname, "../..");

export interface Gateway extends Server {
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Strategies are public here, so that anybody may have a page that is kept for a minute. The limiter counts every request, as in production, and refuses none of the bench's own. */
export async function startGateway(entry = "worker.ts"): Promise<Gateway> {
  const config = unstable_readConfig({ config: join(root, "wrangler.toml") });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const variables: Record<string, unknown> = {
    ...config.vars,
    ...readDevVars(root),
    RATE_LIMIT_REQUESTS: "10000000",
    PUBLIC_CHANNELS: "opportunities,strategies",
  };
  const { runtime, port, pids, stop } = await startRuntime(join(root, entry), { ...workerOptions, bindings: variables as never });
  await migrateAll(runtime, config.d1_databases, root);
  const [key = ""] = String(variables["INGEST_API_KEYS"]).split(",");
  const post = { path: "/api/events", headers: { ...jsonHeaders, authorization: `Bearer ${key}` }, takesArrays: true };
  return { host, port, pids, stop, post, variables };
}

export function startBare(body: string): Promise<Runtime> {
  return startRuntime(join(root, "bench/worker/peers/bare-fetch.ts"), { compatibilityDate: "2026-11-01", bindings: { BODY: body } });
}
