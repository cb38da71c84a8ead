/** Asks for secrets on a terminal without showing what is typed. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { World } from "./cli.ts";

export async function askSecret(
  { stdin, stderr, signal }: Pick<World, "stdin" | "stderr" | "signal">,
  questions: readonly string[],
): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin as unknown as NodeJS.ReadableStream, output: nowhere, terminal: true });
  // In raw mode a terminal hands Ctrl-C to whoever reads.
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const answers: string[] = [];
    for (const question of questions) {
      await stderr.write(`${question}: `);
      answers.push(await reader.question("", { signal }));
      await stderr.write("\n");
    }
    return answers;
  } finally {
    reader.close();
  }
}
