/** One exchange with the edge: an answer that arrives in time, or a CliError that says what came instead. */
import type { World } from "./cli.ts";
import { CliError, messageOf } from "./errors.ts";
import type { exitCodes } from "./exit-codes.ts";

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: BodyInit | undefined;
  /** Without a byte for so long, the edge is given up. */
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Read to its end or left: either ends the exchange. */
  readonly body: AsyncGenerator<Uint8Array>;
}

type AskWorld = Pick<World, "fetch" | "signal">;

/** An error's text; longer ones are not the edge's. */
const failureBytesMax = 65_536;

export async function exchange(world: AskWorld, request: Request): Promise<Answer> {
  world.signal.throwIfAborted();
  const patience = new Patience(request.timeoutMs, world.signal);
  const { method, url, headers, body } = request;
  try {
    const init = { method, headers, signal: patience.signal, redirect: "manual" as const };
    // A body that streams needs saying so.
    const sent = body === undefined ? init : { ...init, body, duplex: "half" };
    const response = await world.fetch(url, sent);
    const answer = { status: response.status, headers: response.headers, body: bodyOf(response, patience, request) };
    if (response.ok) return answer;
    throw failureOf(answer.status, await textOf(answer, failureBytesMax));
  } catch (error) {
    patience.end();
    throw failed(error, request, patience);
  }
}

/** Collects a body of text. */
export async function textOf({ body }: Answer, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new CliError("failed", `the answer has more than ${bytesMax} bytes`, { code: "ANSWER_TOO_LARGE" });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function* bodyOf({ body }: Response, patience: Patience, request: Request): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body ?? []) {
      patience.renew();
      yield chunk;
      // However long the reader took: the edge was not waited for.
      patience.renew();
    }
  } catch (error) {
    throw failed(error, request, patience);
  } finally {
    patience.end();
  }
}

/** Aborts when nothing was heard for too long, and with the command. */
class Patience {
  readonly #timeoutMs: number;
  readonly #late = new AbortController();
  readonly signal: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.signal = AbortSignal.any([outer, this.#late.signal]);
    this.renew();
  }

  get isOver(): boolean {
    return this.#late.signal.aborted;
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#late.abort(), this.#timeoutMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function failed(error: unknown, { method, url, timeoutMs }: Request, patience: Patience): unknown {
  if (error instanceof CliError) return error;
  const { origin } = new URL(url);
  const hint = "is the address right, and the edge up? `arbx profile list` shows what is in use";
  // What was sent may have been done all the same.
  const advice = method === "GET" || isUnsent(error) ? hint : "it is not known whether the edge did it: look before you try again";
  if (patience.isOver)
    return new CliError("unreachable", `${origin} did not answer within ${timeoutMs / 1_000} s`, { code: "TIMEOUT", advice, cause: error });
  if (patience.signal.aborted) return patience.signal.reason;
  return new CliError("unreachable", `${origin} cannot be reached: ${messageOf(error)}`, { advice, passing: true, cause: error });
}

/** No connection came about. */
const unsentCodes = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

function isUnsent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && unsentCodes.has((cause as NodeJS.ErrnoException).code ?? "");
}

interface Failure {
  readonly error?: {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly details?: { readonly parameter?: unknown; readonly path?: unknown };
  };
  readonly request_id?: unknown;
}

const exitOf: Readonly<Record<number, keyof typeof exitCodes>> = {
  400: "usage",
  401: "refused",
  403: "refused",
  404: "notFound",
  409: "conflict",
  412: "conflict",
  422: "usage",
};
/** Statuses by which an edge, or what stands before it, says "not now". */
const passingStatuses = new Set([502, 503, 504]);

export function failureOf(status: number, text: string): CliError {
  const { error, request_id: requestId } = failureIn(text);
  const passing = passingStatuses.has(status);
  if (typeof error?.code !== "string") {
    const message = `answered ${status} and not as the edge does: is the address right?`;
    return new CliError(exitOf[status] === "refused" ? "refused" : "failed", message, { code: `HTTP_${status}`, passing });
  }
  const { code, message, details } = error;
  return new CliError(exitOf[status] ?? "failed", textIn(message) ?? `answered ${status}`, {
    code,
    passing,
    path: textIn(details?.path) ?? textIn(details?.parameter),
    requestId: textIn(requestId),
  });
}

function failureIn(text: string): Failure {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
