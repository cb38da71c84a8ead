/** Reads an answer's body as far as it may be kept. What is larger, or takes longer, goes on as a stream that lacks nothing. */

export interface Bounds {
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

export type Buffered =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "stream"; readonly body: ReadableStream<Uint8Array> };

type Reading = ReadableStreamDefaultReader<Uint8Array>;
type Piece = ReadableStreamReadResult<Uint8Array>;

/** Rejects when the body breaks off within the bounds. */
export async function buffer(response: Response, { bytesMax, timeoutMs }: Bounds): Promise<Buffered> {
  const { body, headers } = response;
  if (body === null) return { kind: "whole", bytes: new Uint8Array() };
  if (Number(headers.get("content-length") ?? 0) > bytesMax) return { kind: "stream", body };
  const reader = body.getReader() as Reading;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const deadline = deadlineOf(timeoutMs);
  try {
    for (;;) {
      const next = reader.read();
      const piece = await Promise.race([next, deadline.passed]);
      if (piece === undefined) return { kind: "stream", body: resumed(pieces, next, reader) };
      if (piece.done) return { kind: "whole", bytes: joined(pieces, bytes) };
      pieces.push(piece.value);
      bytes += piece.value.byteLength;
      if (bytes > bytesMax) return { kind: "stream", body: resumed(pieces, reader.read(), reader) };
    }
  } finally {
    deadline.clear();
  }
}

function deadlineOf(timeoutMs: number): { readonly passed: Promise<undefined>; clear(): void } {
  let timer!: ReturnType<typeof setTimeout>;
  const passed = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  return { passed, clear: () => clearTimeout(timer) };
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

/** What was read, then the read under way, then the rest: pulled, so that a slow client holds the origin back. */
function resumed(pieces: readonly Uint8Array[], pending: Promise<Piece>, reader: Reading): ReadableStream<Uint8Array> {
  // Whoever reads the stream hears of it; until then it must not count as unhandled.
  pending.catch(() => undefined);
  const read = [...pieces];
  let next: Promise<Piece> | undefined = pending;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const held = read.shift();
      if (held !== undefined) return controller.enqueue(held);
      const piece = await (next ?? reader.read());
      next = undefined;
      if (piece.done) controller.close();
      else controller.enqueue(piece.value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
