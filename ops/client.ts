/** Asks the edge as an operator: answers taken out of their envelope, pages one after the other, and reads again when nothing came. What
 *  changes something is sent once. */
import pRetry from "p-retry";
import type { World } from "./cli.ts";
import { CliError } from "./errors.ts";
import { requireKey, type Target } from "./profiles.ts";
import { exchange, textOf, type Answer, type Request } from "./request.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
type Change = "POST" | "PUT" | "DELETE";

export interface Ask {
  /** Lists become one parameter, separated by commas. */
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longer than `--timeout` where the edge works before it answers. */
  readonly timeoutMs?: number;
  /** Without a key: what everybody may read. */
  readonly anonymous?: boolean;
}

export interface Client {
  /** `data` of the answer. */
  get<T>(path: string, ask?: Ask): Promise<T>;
  /** Every item of every page, asked for as they are read. */
  pages<T>(path: string, ask?: Ask): AsyncGenerator<T>;
  /** A change. When nothing answers it may have happened all the same, and the error says so. */
  send<T>(method: Change, path: string, ask?: Ask): Promise<T>;
  /** The answer with its body unread, e.g. a file or a stream. Throws for failures. */
  open(method: "GET" | Change, path: string, ask?: Ask): Promise<Answer>;
  /** The answer's lines, without their ends. */
  lines(path: string, ask?: Ask): AsyncGenerator<string>;
}

interface Envelope {
  readonly data: unknown;
  readonly pagination?: { readonly has_next: boolean; readonly cursor?: string };
}

/** Of a JSON answer: lists come in pages far below it. */
const answerBytesMax = 32 * 1_048_576;
/** The edge takes no event of this size. */
const lineCharsMax = 1_048_576;
const retries = 2;

export function makeClient(world: World, settings: { readonly target: Target; readonly timeoutMs: number }): Client {
  const open: Client["open"] = (method, path, ask = {}) => exchange(world, requestOf(method, path, { ...settings, ask }));
  const envelope = async (method: "GET" | Change, path: string, ask?: Ask): Promise<Envelope> =>
    parseEnvelope(await textOf(await open(method, path, ask), answerBytesMax));
  const read = <T>(question: () => Promise<T>): Promise<T> =>
    pRetry(question, {
      retries,
      minTimeout: world.retryMs,
      randomize: true,
      signal: world.signal,
      shouldRetry: ({ error }) => error instanceof CliError && error.passing,
    });
  return {
    open,
    get: async <T>(path: string, ask?: Ask) => (await read(() => envelope("GET", path, ask))).data as T,
    send: async <T>(method: Change, path: string, ask?: Ask) => (await envelope(method, path, ask)).data as T,
    async *pages<T>(path: string, ask: Ask = {}) {
      for (let cursor: string | undefined, more = true; more;) {
        const { data, pagination } = await read(() => envelope("GET", path, { ...ask, query: { ...ask.query, cursor } }));
        yield* data as readonly T[];
        cursor = pagination?.cursor;
        more = pagination?.has_next === true && cursor !== undefined;
      }
    },
    async *lines(path: string, ask?: Ask) {
      yield* linesOf(await read(() => open("GET", path, ask)));
    },
  };
}

function requestOf(
  method: "GET" | Change,
  path: string,
  { target, timeoutMs, ask }: { readonly target: Target; readonly timeoutMs: number; readonly ask: Ask },
): Request {
  const url = new URL(path, target.url);
  for (const [name, value] of Object.entries(ask.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, Array.isArray(value) ? value.join(",") : String(value));
  const headers = {
    accept: "application/json",
    ...(ask.anonymous === true ? {} : credentials(requireKey(target, "key"))),
    ...(ask.body === undefined ? {} : { "content-type": "application/json" }),
    ...ask.headers,
  };
  const body = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body));
  return { method, url: url.href, headers, body, timeoutMs: ask.timeoutMs ?? timeoutMs };
}

/** A token has two dots; a key may be anything else. */
export function isToken(key: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(key);
}

function credentials(key: string): Readonly<Record<string, string>> {
  return isToken(key) ? { authorization: `Bearer ${key}` } : { "x-api-key": key };
}

function parseEnvelope(text: string): Envelope {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "success" in value && value.success === true && "data" in value) return value;
  } catch {
    // Told below, together with JSON of another shape.
  }
  throw new CliError("failed", "what answered is not an edge: is the address right?", { code: "NO_EDGE" });
}

export async function* linesOf({ body }: Pick<Answer, "body">): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > lineCharsMax)
      throw new CliError("failed", `a line has more than ${lineCharsMax} characters`, { code: "LINE_TOO_LONG" });
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
