/** `npm run arbx -- <command>`: hands the process to run.ts. Ctrl-C aborts once, politely; the second one ends at once. */
import { homedir } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sink, World } from "./cli.ts";
import { Interrupted, PipeClosed } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import { runProgram } from "./run-program.ts";
import { run } from "./run.ts";

const stop = new AbortController();

/** One Ctrl-C reaches this process twice where a terminal tells the whole group and a parent passes it on. */
const sameSignalMs = 500;
let stoppedMs: number | undefined;

for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (stoppedMs !== undefined && Date.now() - stoppedMs > sameSignalMs) process.exit(exitCodes.interrupted);
    stoppedMs ??= Date.now();
    stop.abort(new Interrupted());
  });
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  // `| head` is done with us; whatever else breaks a stream is told by the write that fails.
  stream.on("error", (error: NodeJS.ErrnoException) => stop.abort(error.code === "EPIPE" ? new PipeClosed() : error));
  return {
    isTTY: stream.isTTY === true,
    columns: stream.columns,
    stream,
    async write(text) {
      if (stop.signal.aborted && stop.signal.reason instanceof PipeClosed) return;
      await new Promise<void>((resolve) => stream.write(text, () => resolve()));
    },
  };
}

const world: World = {
  fetch: (...request) => fetch(...request),
  env: process.env,
  stdout: sinkOf(process.stdout),
  stderr: sinkOf(process.stderr),
  stdin: process.stdin,
  signal: stop.signal,
  now: Date.now,
  random: Math.random,
  home: homedir(),
  // npm runs scripts in the package's folder, and says where it was called.
  cwd: process.env["INIT_CWD"] ?? process.cwd(),
  root: dirname(import.meta.dirname),
  runProgram,
  sleep: async (ms, signal) => void (await sleep(ms, undefined, { signal })),
  retryMs: 150,
};

process.exitCode = await run(process.argv.slice(2), world);
// What a command left open, such as a socket that closes politely, does not keep the program.
process.exit();
