/** Reads a request body within its limits: bytes are counted as they arrive and again as they are decoded, and the whole must arrive in time. */
import { AppError } from "../../platform/errors.ts";
import { codingOf, decodeBody } from "./decode-body.ts";

export interface BodyLimits {
  /** Of the body as decoded, and as sent. */
  readonly bytesMax: number;
  readonly timeoutMs: number;
  /** Without a byte for as long, the sender has gone; `timeoutMs` alone decides when it is left out. */
  readonly idleMs?: number;
}

/** Yields the body's chunks, decoded. Throws at once UNSUPPORTED_MEDIA_TYPE (415) for a content encoding that is not taken and
 *  PAYLOAD_TOO_LARGE (413) for an announced length past `bytesMax`; while it yields the same 413, and INVALID_PARAMETERS with 408 when the
 *  body comes too slowly, with 400 when it does not come to its end. */
export function readChunks(request: Request, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  const coding = codingOf(request.headers);
  // The announced length spares reading a body that will be refused; the count of what comes is what decides.
  if (Number(request.headers.get("content-length") ?? 0) > limits.bytesMax) throw tooLarge(limits);
  const sent = readSent(request, limits);
  return coding === undefined ? sent : bounded(decodeBody(sent, coding), limits);
}

async function* bounded(chunks: AsyncIterable<Uint8Array>, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > limits.bytesMax) throw tooLarge(limits);
    yield chunk;
  }
}

/** The bytes as they were sent. */
async function* readSent(request: Request, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  const deadline = startDeadline(limits);
  let bytes = 0;
  let complete = false;
  try {
    for (;;) {
      const { done, value } = await Promise.race([readNext(reader), deadline.waiting()]);
      if (done) break;
      bytes += value.byteLength;
      if (bytes > limits.bytesMax) throw tooLarge(limits);
      yield value;
    }
    complete = true;
  } finally {
    deadline.clear();
    // Not awaited: a sender that stalls would hold the answer back.
    if (!complete) reader.cancel().catch(() => undefined);
  }
}

/** Reads the body as it was sent and keeps none of it: what is dropped costs no memory, whatever comes. Throws like readChunks. */
export async function dropChunks(request: Request, limits: BodyLimits): Promise<void> {
  const chunks = readSent(request, limits);
  while ((await chunks.next()).done !== true);
}

/** The whole body as text. Throws INVALID_PARAMETERS when it is not UTF-8: a replacement character would change data silently. */
export async function readText(request: Request, limits: BodyLimits): Promise<string> {
  const chunks = readChunks(request, limits);
  if (isPlain(request)) return decode(wholes, await readAtOnce(request, limits));
  const decoder = newDecoder();
  let text = "";
  for await (const chunk of chunks) text += decode(decoder, chunk, { stream: true });
  return text + decode(decoder);
}

/** Its length is announced, and so bounded by now; it need not be counted while it comes. */
function isPlain({ headers }: Request): boolean {
  return headers.has("content-length") && codingOf(headers) === undefined;
}

/** In one call of the runtime: by 4 KB at a time, which is what its readers get, a body costs as much to read as to parse. */
async function readAtOnce(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const deadline = startDeadline(limits);
  try {
    const bytes = await Promise.race([readAll(request), deadline.waiting()]);
    if (bytes.byteLength > limits.bytesMax) throw tooLarge(limits);
    return new Uint8Array(bytes);
  } finally {
    deadline.clear();
  }
}

async function readAll(request: Request): Promise<ArrayBuffer> {
  try {
    return await request.arrayBuffer();
  } catch (cause) {
    throw cutShort(cause);
  }
}

function cutShort(cause: unknown): AppError {
  return new AppError("INVALID_PARAMETERS", "the body ended before it was complete", { cause });
}

function newDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
}

/** Keeps nothing between whole texts, so one is enough. */
const wholes = newDecoder();

function decode(decoder: TextDecoder, bytes?: Uint8Array, options?: { readonly stream: boolean }): string {
  try {
    return decoder.decode(bytes, options);
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", "the body is not valid UTF-8", { cause });
  }
}

async function readNext(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw cutShort(cause);
  }
}

interface Deadline {
  /** Rejects when the sender is too slow. Asked for once for each read: how long we ourselves took in between does not count as its idling. */
  waiting(): Promise<never>;
  clear(): void;
}

function startDeadline({ timeoutMs, idleMs }: BodyLimits): Deadline {
  const whole = startTimer(timeoutMs, `the body did not arrive within ${timeoutMs} ms`);
  if (idleMs === undefined) return { waiting: () => whole.passed, clear: whole.clear };
  let idle = startTimer(idleMs, "");
  return {
    waiting() {
      idle.clear();
      idle = startTimer(idleMs, `nothing arrived for ${idleMs} ms`);
      return Promise.race([whole.passed, idle.passed]);
    },
    clear() {
      whole.clear();
      idle.clear();
    },
  };
}

function startTimer(timeoutMs: number, message: string): { passed: Promise<never>; clear(): void } {
  let timer!: ReturnType<typeof setTimeout>;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError("INVALID_PARAMETERS", message, { status: 408 })), timeoutMs);
  });
  // It may pass while nobody waits, between two chunks: the next read sees it.
  passed.catch(() => undefined);
  return { passed, clear: () => clearTimeout(timer) };
}

function tooLarge({ bytesMax }: BodyLimits): AppError {
  return new AppError("PAYLOAD_TOO_LARGE", `the body is larger than ${bytesMax} bytes: send it in parts`);
}
