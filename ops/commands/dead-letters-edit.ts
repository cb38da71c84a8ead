/** A dead letter in the operator's editor: its events as JSON where they can be read, its text where not. What was typed is never lost: the
 *  file stays until it was taken. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Cli, Session } from "../cli.ts";
import { CliError, messageOf } from "../errors.ts";
import type { WholeLetter } from "./dead-letters-list.ts";

export type Correction = { readonly events: readonly unknown[] } | { readonly body: string };

export async function editLetter({ world }: Session, cli: Cli, letter: WholeLetter): Promise<Correction> {
  const { events, body } = letter;
  const before = events === undefined ? textOf(body) : `${JSON.stringify(events, null, 2)}\n`;
  // Only its owner may read it: events may be anybody's business.
  const file = join(await mkdtemp(join(tmpdir(), "arbx-letter-")), events === undefined ? `${letter.id}.txt` : `${letter.id}.json`);
  await writeFile(file, before, { mode: 0o600 });
  cli.whenInterrupted(() => `nothing was sent; what you typed is in ${file}`);
  const [editor, ...args] = editorOf(world.env);
  const code = await world.runProgram([editor, ...args, file], { cwd: world.cwd }).catch((error: unknown) => {
    throw new CliError("failed", `${editor} cannot be started: ${messageOf(error)}`, { code: "NO_EDITOR", advice: "set EDITOR" });
  });
  if (code !== 0)
    throw new CliError("failed", `the editor ended with ${code}: nothing was sent`, {
      code: "EDITOR",
      advice: `what you typed is in ${file}`,
    });
  const after = await readFile(file, "utf8");
  if (after === before)
    throw new CliError("failed", "nothing was changed, so nothing was sent", {
      code: "UNCHANGED",
      advice: "as it is: arbx dead-letters retry, without --edit",
    });
  const correction = events === undefined ? { body: after } : { events: eventsOf(after, file) };
  await rm(dirname(file), { recursive: true, force: true });
  return correction;
}

function editorOf(env: Readonly<Record<string, string | undefined>>): readonly [string, ...string[]] {
  const wanted = [env["VISUAL"], env["EDITOR"]].find((text) => text !== undefined && text.trim() !== "") ?? "vi";
  const [file = "vi", ...args] = wanted.trim().split(/\s+/);
  return [file, ...args];
}

function eventsOf(text: string, file: string): readonly unknown[] {
  const advice = `what you typed is in ${file}`;
  try {
    const events: unknown = JSON.parse(text);
    if (Array.isArray(events) && events.length > 0) return events;
  } catch (error) {
    throw new CliError("usage", `this is not JSON: ${messageOf(error)}`, { code: "NOT_JSON", advice });
  }
  throw new CliError("usage", "this is no list of events", { code: "NOT_EVENTS", advice });
}

function textOf(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body, null, 2);
}
