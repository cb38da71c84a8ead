/** The body of an answer on its way through: bounded in bytes and in time, and whoever lent the connection hears when it is over. */

export interface AnswerBounds {
  readonly bytesMax: number;
  /** Without a byte for as long it has stopped. */
  readonly idleMs: number;
  readonly totalMs: number;
}

export class AnswerFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AnswerFault";
  }
}

type Reading = ReadableStreamDefaultReader<Uint8Array>;

/** Pulled, so that a slow client holds the backend back; how long the client takes does not count as the backend's idling. A body past its bounds is
 *  broken off, never ended quietly. `onEnd` is called once. */
export function boundedBody(body: ReadableStream<Uint8Array>, bounds: AnswerBounds, onEnd: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader() as Reading;
  const deadlineMs = Date.now() + bounds.totalMs;
  let bytes = 0;
  let isOver = false;
  const end = (): void => {
    if (!isOver) onEnd();
    isOver = true;
  };
  const fail = (message: string): never => {
    end();
    const fault = new AnswerFault(message);
    letGo(reader, fault);
    throw fault;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const waitMs = Math.min(bounds.idleMs, deadlineMs - Date.now());
      const piece = waitMs <= 0 ? "late" : await next(reader, waitMs).catch(() => "broken" as const);
      if (isOver) return undefined;
      if (piece === "late") return fail("the backend's answer stopped on its way");
      if (piece === "broken") return fail("the backend's answer broke off");
      if (piece.done) {
        end();
        return controller.close();
      }
      bytes += piece.value.byteLength;
      if (bytes > bounds.bytesMax) return fail(`the backend's answer is larger than ${bounds.bytesMax} bytes`);
      return controller.enqueue(piece.value);
    },
    cancel(reason) {
      end();
      return reader.cancel(reason);
    },
  });
}

/** Not waited for: one that has stopped may never say that it is cancelled. */
function letGo(reader: Reading, fault: AnswerFault): void {
  reader.cancel(fault).catch(() => undefined);
}

async function next(reader: Reading, waitMs: number): Promise<ReadableStreamReadResult<Uint8Array> | "late"> {
  let timer!: ReturnType<typeof setTimeout>;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), waitMs);
  });
  try {
    return await Promise.race([reader.read(), late]);
  } finally {
    clearTimeout(timer);
  }
}
