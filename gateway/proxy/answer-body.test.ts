import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AnswerFault, boundedBody } from "./answer-body.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bounds = { bytesMax: 10, idleMs: 1_000, totalMs: 5_000 };

interface Source {
  readonly stream: ReadableStream<Uint8Array>;
  readonly cancelled: ReturnType<typeof vi.fn>;
  send(bytes: number): void;
  end(): void;
  fail(): void;
}

function source(): Source {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const cancelled = vi.fn<() => void>();
  const stream = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given), cancel: () => cancelled() });
  return {
    stream,
    cancelled,
    send: (bytes) => controller.enqueue(new Uint8Array(bytes)),
    end: () => controller.close(),
    fail: () => controller.error(new Error("connection reset")),
  };
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of stream) bytes += piece.byteLength;
  return bytes;
}

it("passes what is within its bounds, to the byte, and says once that it is over", async () => {
  const from = source();
  const onEnd = vi.fn<() => void>();
  const read = bytesOf(boundedBody(from.stream, bounds, onEnd));
  from.send(4);
  from.send(6);
  from.end();
  expect(await read).toBe(10);
  expect(onEnd).toHaveBeenCalledTimes(1);
});

it("breaks off, and does not end, what is larger", async () => {
  const from = source();
  const onEnd = vi.fn<() => void>();
  const read = bytesOf(boundedBody(from.stream, bounds, onEnd)).catch((error: unknown) => error);
  from.send(11);
  expect(await read).toBeInstanceOf(AnswerFault);
  expect(onEnd).toHaveBeenCalledTimes(1);
  expect(from.cancelled).toHaveBeenCalledTimes(1);
});

it("gives up what has stopped", async () => {
  const from = source();
  const onEnd = vi.fn<() => void>();
  const read = bytesOf(boundedBody(from.stream, bounds, onEnd)).catch((error: unknown) => error);
  from.send(1);
  await vi.advanceTimersByTimeAsync(bounds.idleMs);
  expect(String(await read)).toContain("stopped");
  expect(onEnd).toHaveBeenCalledTimes(1);
});

it("gives up what drips for ever", async () => {
  const from = source();
  const read = bytesOf(boundedBody(from.stream, { ...bounds, bytesMax: 1_000 }, () => undefined)).catch((error: unknown) => error);
  for (let ms = 0; ms < bounds.totalMs; ms += 500) {
    from.send(1);
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(String(await read)).toContain("stopped");
});

it("says that it broke off when it did, and frees its connection", async () => {
  const from = source();
  const onEnd = vi.fn<() => void>();
  const read = bytesOf(boundedBody(from.stream, bounds, onEnd)).catch((error: unknown) => error);
  from.fail();
  expect(String(await read)).toContain("broke off");
  expect(onEnd).toHaveBeenCalledTimes(1);
});

it("is over when its reader leaves", async () => {
  const from = source();
  const onEnd = vi.fn<() => void>();
  await boundedBody(from.stream, bounds, onEnd).cancel("gone");
  expect(onEnd).toHaveBeenCalledTimes(1);
  expect(from.cancelled).toHaveBeenCalledTimes(1);
});
