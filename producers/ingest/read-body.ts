/** Reads a request body within its limits: bytes are counted as they arrive, and the whole must arrive in time. */
import { AppError } from "../../platform/errors.ts";

export interface BodyLimits {
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** Yields the body's chunks. Throws PAYLOAD_TOO_LARGE (413) past `bytesMax`, INVALID_PARAMETERS with 408 when it comes too slowly. */
export async function* readChunks(request: Request, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  // The announced length spares reading a body that will be refused; the count below is what decides.
  if (Number(request.headers.get("content-length") ?? 0) > limits.bytesMax) throw tooLarge(limits);
  if (request.body === null) return;
  const reader = request.body.getReader();
  const deadline = startDeadline(limits.timeoutMs);
  let bytes = 0;
  let complete = false;
  try {
    for (;;) {
      const { done, value } = await Promise.race([readNext(reader), deadline.passed]);
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

/** The whole body as text. Throws INVALID_PARAMETERS when it is not UTF-8: a replacement character would change data silently. */
export async function readText(request: Request, limits: BodyLimits): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const chunks = readChunks(request, limits);
  let text = "";
  for await (const chunk of chunks) text += decode(decoder, chunk);
  return text + decode(decoder);
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", "the body is not valid UTF-8", { cause });
  }
}

async function readNext(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", "the body ended before it was complete", { cause });
  }
}

function startDeadline(timeoutMs: number): { passed: Promise<never>; clear(): void } {
  let timer!: ReturnType<typeof setTimeout>;
  const passed = new Promise<never>((_, reject) => {
    const error = new AppError("INVALID_PARAMETERS", `the body did not arrive within ${timeoutMs} ms`, { status: 408 });
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  // It may pass while nobody waits, between two chunks: the next read sees it.
  passed.catch(() => undefined);
  return { passed, clear: () => clearTimeout(timer) };
}

function tooLarge({ bytesMax }: BodyLimits): AppError {
  return new AppError("PAYLOAD_TOO_LARGE", `the body is larger than ${bytesMax} bytes: send it in parts`);
}
