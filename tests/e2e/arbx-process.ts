/** The operator's program against one edge, with an environment that knows nothing of this machine: as a process, as a shell starts it, for
 *  what is about processes; in this one, without that cost, for what commands do. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runFake } from "../../ops/testing/fake-world.ts";

const root = join(import.meta.dirname, "../..");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ArbxOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** More input may come. */
  readonly keepsStdin?: boolean;
}

export class Arbx {
  readonly home = mkdtempSync(join(tmpdir(), "arbx-e2e-"));
  readonly #env: Readonly<Record<string, string>>;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** In this process. */
  async run(args: readonly string[], { env = {}, stdin = "" }: ArbxOptions = {}): Promise<Ended> {
    const now = Date.now;
    return await runFake(args, { fetch: globalThis.fetch, env: { ...this.#env, ...env }, stdin, now, home: this.home, cwd: this.home });
  }

  start(args: readonly string[], options: ArbxOptions = {}): RunningArbx {
    const own = { PATH: process.env["PATH"] ?? "", HOME: this.home, ...this.#env, ...options.env };
    return new RunningArbx(spawn(process.execPath, [join(root, "ops/index.ts"), ...args], { cwd: this.home, env: own }), options);
  }
}

export class RunningArbx {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcessWithoutNullStreams, { stdin = "", keepsStdin = false }: ArbxOptions) {
    this.child = child;
    child.stdout.on("data", (chunk) => (this.stdout += String(chunk)));
    child.stderr.on("data", (chunk) => (this.stderr += String(chunk)));
    this.ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout: this.stdout, stderr: this.stderr }));
    child.stdin.on("error", () => undefined);
    child.stdin.write(stdin);
    if (!keepsStdin) child.stdin.end();
  }

  /** Resolves once the condition holds after something was printed; fails when the program ends before. */
  async until(condition: (told: { readonly stdout: string; readonly stderr: string }) => boolean): Promise<void> {
    while (!condition(this)) {
      const news = [once(this.child.stdout, "data"), once(this.child.stderr, "data")];
      if (await Promise.race([...news.map((one) => one.then(() => false)), this.ended.then(() => true)])) {
        if (condition(this)) return;
        throw new Error(`it ended before:\n${this.stdout}\n${this.stderr}`);
      }
    }
  }

  async interrupt(): Promise<Ended> {
    this.child.kill("SIGINT");
    return await this.ended;
  }
}
