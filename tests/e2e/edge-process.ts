/** The edge as `npm start` starts it, in a process of its own that can be asked to stop or killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Signals that come at once are one to a process. */
const betweenSignalsMs = 20;

export function freshState(): string {
  return mkdtempSync(join(tmpdir(), "arbitragex-edge-"));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export class EdgeProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  output = "";

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (this.output += String(chunk)));
  }

  static async start(args: readonly string[]): Promise<EdgeProcess> {
    const port = await freePort();
    const child = spawn(process.execPath, ["demo/start.ts", "--port", String(port), ...args], { stdio: "pipe", detached: true });
    return new EdgeProcess(child, port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async healthy(): Promise<this> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      if (this.#child.exitCode !== null) break;
      const response = await fetch(`${this.url}/health`).catch(() => undefined);
      if (response?.status === 200) return this;
      await setTimeout(200);
    }
    throw new Error(`the edge did not come up:\n${this.output}`);
  }

  /** Resolves with the exit code once the process ended by itself or by the signal. */
  async end(signal?: NodeJS.Signals, times = 1): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, "exit");
    // The whole group, or a kill would leave the runtime running and holding the state.
    const { pid } = this.#child;
    for (let time = 0; time < times && signal !== undefined && pid !== undefined; time += 1) {
      process.kill(signal === "SIGKILL" ? -pid : pid, signal);
      await setTimeout(betweenSignalsMs);
    }
    const [code] = (await ended) as [number | null];
    return code;
  }
}
