/** Runs commands side by side and says of each whether it passed. A step's output is shown only when it failed. */
import { spawn } from "node:child_process";
import { environment, root } from "./environment.ts";

export interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

export interface StepResult {
  readonly name: string;
  readonly passed: boolean;
  readonly durationMs: number;
  readonly output: string;
}

/** A step that has not ended by then hangs: a check takes seconds. */
const stepTimeoutMs = 120_000;

export async function runSteps(steps: readonly Step[]): Promise<StepResult[]> {
  return Promise.all(steps.map(runStep));
}

async function runStep({ name, command }: Step): Promise<StepResult> {
  const [program, ...args] = command;
  const startedAt = performance.now();
  const { code, output } = await run(program, args);
  return { name, passed: code === 0, durationMs: Math.round(performance.now() - startedAt), output };
}

async function run(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"], timeout: stepTimeoutMs });
    const collect = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    // No code means a signal: the timeout, or somebody's kill.
    child.on("close", (code, signal) => resolve({ code: code ?? 1, output: signal === null ? output : `${output}ended by ${signal}\n` }));
  });
}

/** One line a step, and below a failed one what it printed. */
export function renderResult({ name, passed, durationMs, output }: StepResult): string {
  const line = `${passed ? "ok  " : "FAIL"} ${name} (${(durationMs / 1000).toFixed(1)} s)`;
  return passed ? line : `${line}\n${output.trimEnd().replace(/^/gm, "     ")}`;
}
