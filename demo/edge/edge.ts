/** Runs the edge on the real runtime, without wrangler's proxies in front: the bundle of worker.ts, with every binding, queue and
 *  variable read from wrangler.toml, so that nothing is said twice. */
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { bundleWorker } from "./bundle.ts";
import { migrateAll } from "./migrate.ts";
import { readDevVars } from "./variables.ts";

export interface EdgeOptions {
  readonly root: string;
  readonly port: number;
  /** Empties what earlier runs left. */
  readonly fresh: boolean;
  /** Folder of the local state, relative to the root. */
  readonly state: string;
  /** Over those of wrangler.toml and .dev.vars. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Edge {
  readonly url: URL;
  readonly runtime: Miniflare;
  readonly variables: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

const host = "127.0.0.1";

export async function startEdge({ root, port, fresh, state, ...options }: EdgeOptions): Promise<Edge> {
  const configPath = join(root, "wrangler.toml");
  const config = unstable_readConfig({ config: configPath });
  const statePath = resolve(root, state);
  if (fresh) rmSync(statePath, { recursive: true, force: true });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const variables = { ...config.vars, ...readDevVars(root), ...options.variables };
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      ...workerOptions,
      bindings: variables,
      modules: [{ type: "ESModule", path: "worker.js", contents: await bundleWorker(resolve(root, config.main ?? "worker.ts")) }],
      host,
      port,
      cf: false,
      log: new Log(LogLevel.WARN),
      handleStructuredLogs: logWriter(join(root, ".local", "edge.log")),
      resourcePersistencePath: statePath,
      unsafeTriggerHandlers: true,
      telemetry: { enabled: false },
    }),
  );
  const url = await runtime.ready;
  await migrateAll(runtime, config.d1_databases, root);
  const crons = startCrons(runtime, config.triggers.crons ?? []);
  return {
    url,
    runtime,
    variables,
    stop: async () => {
      clearInterval(crons);
      await runtime.dispose();
    },
  };
}

const cronEveryMs = 10 * 60_000;

/** The local runtime fires no crons: all of them run every ten minutes instead, the shortest period wrangler.toml asks for. */
function startCrons(runtime: Miniflare, crons: readonly string[]): NodeJS.Timeout {
  return setInterval(() => {
    for (const cron of crons) {
      runtime
        .getWorker()
        .then((worker) => worker.scheduled({ cron, scheduledTime: new Date() }))
        .catch((error: unknown) => console.error(`cron ${cron} failed: ${String(error)}`));
    }
  }, cronEveryMs);
}

/** The edge's own log lines go to a file, so that the live line stays readable; errors are shown as well. */
function logWriter(path: string): (log: { readonly timestamp: number; readonly level: string; readonly message: string }) => void {
  mkdirSync(dirname(path), { recursive: true });
  return ({ timestamp, level, message }) => {
    appendFileSync(path, `${new Date(timestamp).toISOString()} ${level} ${message}\n`);
    if (level === "error") console.error(message);
  };
}
