/** Runs a Worker on the pinned runtime without wrangler's proxies, each in a process of its own, so that its CPU can be told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { bundleWorker } from "../../demo/edge/bundle.ts";
import { childrenOf } from "../load/process.ts";
import { host } from "./server.ts";

type RuntimeOptions = Partial<Parameters<typeof convertV4MiniflareOptions>[0]>;

export interface Runtime {
  readonly runtime: Miniflare;
  readonly port: number;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export async function startRuntime(entry: string, options: RuntimeOptions): Promise<Runtime> {
  const before = new Set(childrenOf(process.pid, "workerd"));
  const state = mkdtempSync(join(tmpdir(), "arbx-load-"));
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      ...options,
      modules: [{ type: "ESModule", path: "worker.js", contents: await bundleWorker(entry) }],
      host,
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: state,
      telemetry: { enabled: false },
      handleStructuredLogs: ({ level, message }) => {
        // A Worker's "info" is a line a batch; what is worse may explain a figure.
        if (level === "warn" || level === "error") console.error(message.slice(0, 300));
      },
    }),
  );
  process.once("exit", () => rmSync(state, { recursive: true, force: true }));
  const { port } = await runtime.ready;
  return {
    runtime,
    port: Number(port),
    pids: childrenOf(process.pid, "workerd").filter((pid) => !before.has(pid)),
    stop: () => runtime.dispose(),
  };
}
