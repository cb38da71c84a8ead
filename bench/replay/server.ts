/** The Worker of the replay bench with its stores, and the same log as files for a pipe to read. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { migrateAll } from "../../demo/edge/migrate.ts";
import { readDevVars } from "../../demo/edge/variables.ts";
import { streamPrefix } from "../../stores/event-log.ts";
import { startRuntime } from "../peers/runtime.ts";
import { host } from "../peers/server.ts";

export interface ReplayServer {
  readonly pids: readonly number[];
  /** Throws unless the Worker answers with success. */
  ask(path: string): Promise<unknown>;
  /** Paths of copies of the raw objects. */
  copyRaw(): Promise<string[]>;
  stop(): Promise<void>;
}

const root = resolve(import.meta.dirname, "../..");

export async function startServer(): Promise<ReplayServer> {
  const config = unstable_readConfig({ config: join(root, "wrangler.toml") });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const variables = { ...config.vars, ...readDevVars(root) };
  const { runtime, port, pids, stop } = await startRuntime(join(root, "bench/worker/peers/replays.ts"), {
    ...workerOptions,
    bindings: variables,
  });
  await migrateAll(runtime, config.d1_databases, root);
  const folder = mkdtempSync(join(tmpdir(), "arbx-raw-"));
  return {
    pids,
    async ask(path) {
      const response = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(600_000) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`);
      return JSON.parse(text) as unknown;
    },
    async copyRaw() {
      const bucket = await runtime.getR2Bucket("EDGE_LOGS");
      const { objects } = await bucket.list({ prefix: streamPrefix("opportunities") });
      const paths: string[] = [];
      for (const { key } of objects) {
        const path = join(folder, `${paths.length}.gz`);
        writeFileSync(path, Buffer.from((await (await bucket.get(key))?.arrayBuffer()) ?? new ArrayBuffer(0)));
        paths.push(path);
      }
      return paths;
    },
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
