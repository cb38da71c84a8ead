/** The program without a process: arguments in, exit code and text out, and an edge made of answers. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { World } from "../cli.ts";
import { run } from "../run.ts";

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** Parsed, where it was JSON. */
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly asked: readonly Asked[];
}

/** `fetch`: the real one, for a test that has a real edge; then nothing is noted in `asked`. */
export interface FakeOptions extends Partial<Omit<World, "stdin" | "stdout" | "stderr">> {
  /** What the edge answers; thrown errors are those of the line. */
  readonly edge?: (asked: Asked) => Response | Promise<Response>;
  readonly stdin?: string;
  readonly isTTY?: boolean;
}

/** Nothing is there: a test that reads profiles makes a folder of its own. */
export const nowhere = join(tmpdir(), "arbx-nowhere");
export const edgeUrl = "https://edge.test";

export async function runFake(argv: readonly string[], options: FakeOptions = {}): Promise<Ended> {
  const { edge = () => failure(404, "NOT_FOUND"), stdin = "", isTTY = false, ...over } = options;
  const asked: Asked[] = [];
  const told = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") => ({
    isTTY,
    write: async (text: string | Uint8Array) => void (told[name] += typeof text === "string" ? text : new TextDecoder().decode(text)),
  });
  const world: World = {
    fetch: async (input, init) => {
      const request = new Request(input as string, init);
      // Not the request's own, which follows this one only until it is collected as garbage.
      const signal = init?.signal ?? request.signal;
      const text = await request.text();
      const one = {
        method: request.method,
        url: new URL(request.url),
        headers: request.headers,
        body: jsonOr(text),
        signal,
      };
      asked.push(one);
      const { body, status, headers } = await Promise.race([edge(one), aborted(signal)]);
      // As a real fetch does: who aborts the request ends its body.
      return new Response(body?.pipeThrough(new TransformStream(), { signal }) ?? null, { status, headers });
    },
    env: { ARBX_URL: edgeUrl, ARBX_KEY: "ops-key", ARBX_INGEST_KEY: "ingest-key" },
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    stdin: Object.assign(oneChunk(stdin), { isTTY: false }),
    signal: new AbortController().signal,
    now: () => Date.parse("2026-11-24T12:00:00Z"),
    random: () => 0.5,
    home: nowhere,
    cwd: nowhere,
    root: nowhere,
    runProgram: () => Promise.reject(new Error("no test expects another program")),
    sleep: () => Promise.resolve(),
    retryMs: 0,
    ...over,
  };
  const code = await run(argv, world);
  return { code, ...told, asked };
}

export function answer(data: unknown, pagination?: { readonly has_next: boolean; readonly cursor?: string }, status = 200): Response {
  return Response.json({ success: true, data, pagination }, { status });
}

export function failure(status: number, code: string, details?: object): Response {
  return Response.json({ success: false, error: { code, message: `it is ${code}`, details }, request_id: "req-1" }, { status });
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function* oneChunk(text: string): AsyncGenerator<string> {
  if (text !== "") yield text;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
