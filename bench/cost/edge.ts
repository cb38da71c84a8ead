/** Starts the counted Worker on the real runtime without wrangler's proxies, with everything wrangler.toml says: batch sizes and time-outs
 *  of the consumers decide the bill. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { bundleWorker } from "../../demo/edge/bundle.ts";
import { migrateAll } from "../../demo/edge/migrate.ts";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";

export interface Edge {
  readonly url: URL;
  readonly apiKey: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly regions: readonly string[];
  /** Milliseconds of CPU the runtime's process has used; undefined where the system does not say. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
}

export async function startEdge(root: string): Promise<Edge> {
  const config = unstable_readConfig({ config: join(root, "wrangler.toml") });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const variables = { ...config.vars, ...readDevVars(root) };
  const state = mkdtempSync(join(tmpdir(), "arbx-bench-"));
  const before = new Set(runtimesBelow(process.pid));
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      ...workerOptions,
      bindings: variables,
      modules: [{ type: "ESModule", path: "worker.js", contents: await bundleWorker(resolve(root, "bench/worker.ts")) }],
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: state,
      telemetry: { enabled: false },
      handleStructuredLogs: ({ level, message }) => {
        // A Worker's "info" is a line a batch; what is worse may explain a figure.
        if (level === "warn" || level === "error") console.error(message);
      },
    }),
  );
  const url = await runtime.ready;
  await migrateAll(runtime, config.d1_databases, root);
  const pid = runtimesBelow(process.pid).find((child) => !before.has(child));
  return {
    url,
    apiKey: requireVariable(variables, "INGEST_API_KEYS").split(",")[0] ?? "",
    variables,
    regions: requireVariable(variables, "REGIONS").split(","),
    cpuMs: () => (pid === undefined ? undefined : cpuMsOf(pid)),
    async stop() {
      await runtime.dispose();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** Clock ticks a second: a constant of Linux's interface. */
const ticksPerSecond = 100;

interface ProcessState {
  readonly name: string;
  /** What follows the name in /proc/<pid>/stat. */
  readonly fields: readonly string[];
}

/** Undefined on other systems, and for a process that ended. */
function findProcess(pid: number | string): ProcessState | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in parentheses and may hold any of them.
    const end = text.lastIndexOf(")");
    return { name: text.slice(text.indexOf("(") + 1, end), fields: text.slice(end + 2).split(" ") };
  } catch {
    return undefined;
  }
}

function runtimesBelow(parent: number): number[] {
  if (!existsSync("/proc")) return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const found = findProcess(pid);
    return found?.name === "workerd" && found.fields[1] === String(parent);
  });
}

function cpuMsOf(pid: number): number | undefined {
  const fields = findProcess(pid)?.fields;
  return fields === undefined ? undefined : ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}
