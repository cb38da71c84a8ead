import { describe, expect, it } from "vitest";
import { buffer } from "./body.ts";
import type { Buffered } from "./body.ts";

const bounds = { bytesMax: 10, timeoutMs: 60_000 };
const encode = (text: string) => new TextEncoder().encode(text);

/** Pieces as asked for; notes how many were, and whether the rest was given up. */
function origin(pieces: readonly (string | Error | Promise<string>)[], headers: Record<string, string> = {}) {
  const seen = { pulled: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await pieces[seen.pulled];
        seen.pulled += 1;
        if (piece === undefined) controller.close();
        else if (piece instanceof Error) controller.error(piece);
        else controller.enqueue(encode(piece));
      },
      cancel() {
        seen.isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { response: new Response(body, { headers }), seen };
}

async function textOf(buffered: Buffered): Promise<string> {
  return new TextDecoder().decode(buffered.kind === "whole" ? buffered.bytes : await new Response(buffered.body).arrayBuffer());
}

describe("a body", () => {
  it("that breaks off within the bounds is a failure", async () => {
    await expect(buffer(origin(["abc", new Error("reset")]).response, bounds)).rejects.toThrow("reset");
  });

  it("that breaks off beyond them breaks the stream off, it does not end it quietly", async () => {
    const buffered = await buffer(origin(["abcdefghijk", new Error("reset")]).response, bounds);
    await expect(textOf(buffered)).rejects.toThrow("reset");
  });

  it("of exactly the bound is whole, of one byte more a stream that lacks nothing", async () => {
    const whole = await buffer(origin(["abcde", "fghij"]).response, bounds);
    expect([whole.kind, await textOf(whole)]).toEqual(["whole", "abcdefghij"]);
    const stream = await buffer(origin(["abcde", "fghij", "k", "lm"]).response, bounds);
    expect([stream.kind, await textOf(stream)]).toEqual(["stream", "abcdefghijklm"]);
  });

  it("that says it is too large is not read at all", async () => {
    const { response, seen } = origin(["abc"], { "content-length": "11" });
    expect([(await buffer(response, bounds)).kind, seen.pulled]).toEqual(["stream", 0]);
  });

  it("that says it is small and is not is a stream all the same", async () => {
    expect((await buffer(origin(["abcdefghijklm"], { "content-length": "3" }).response, bounds)).kind).toBe("stream");
  });

  it("that stalls goes on as a stream from where it was", async () => {
    let release: (text: string) => void = () => undefined;
    const stalled = new Promise<string>((resolve) => {
      release = resolve;
    });
    const buffered = await buffer(origin(["abc", stalled, "ghi"]).response, { ...bounds, timeoutMs: 5 });
    expect(buffered.kind).toBe("stream");
    release("def");
    expect(await textOf(buffered)).toBe("abcdefghi");
  });

  it("is read no faster than its reader takes it, and given up with him", async () => {
    const { response, seen } = origin(["abcdefghijk", "b", "c", "d", "e"]);
    const buffered = await buffer(response, bounds);
    if (buffered.kind !== "stream") throw new Error("whole");
    const reader = buffered.body.getReader();
    await reader.read();
    await reader.cancel();
    expect(seen.pulled).toBeLessThanOrEqual(3);
    expect(seen.isCancelled).toBe(true);
  });

  it("that is none is whole and empty", async () => {
    expect(await textOf(await buffer(new Response(null, { status: 204 }), bounds))).toBe("");
  });
});
