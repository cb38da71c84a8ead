/** Files and stdin as arguments name them: "-" is stdin, other names are relative to where the program was called. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import type { World } from "./cli.ts";
import { CliError, messageOf } from "./errors.ts";

/** Ends with the command's signal also where the source never ends: nobody types any more. */
export async function* inputOf({ cwd, stdin, signal }: Pick<World, "cwd" | "stdin" | "signal">, file: string): AsyncGenerator<Uint8Array> {
  const source: AsyncIterable<Uint8Array | string> = file === "-" ? stdin : createReadStream(resolve(cwd, file));
  const chunks = source[Symbol.asyncIterator]();
  const ended = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
  ended.catch(() => undefined);
  for (;;) {
    const next = await Promise.race([chunks.next(), ended]).catch((error: unknown) => {
      throw error instanceof CliError
        ? error
        : new CliError("usage", `${file} cannot be read: ${messageOf(error)}`, { code: "UNREADABLE" });
    });
    if (next.done === true) return;
    yield typeof next.value === "string" ? new TextEncoder().encode(next.value) : next.value;
  }
}

/** A whole document, such as a configuration. */
export async function readInput(world: Pick<World, "cwd" | "stdin" | "signal">, file: string, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of inputOf(world, file)) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new CliError("usage", `${file} has more than ${bytesMax} bytes`, { code: "INPUT_TOO_LARGE" });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError("usage", `${source} is not JSON: ${messageOf(error)}`, { code: "NOT_JSON" });
  }
}
