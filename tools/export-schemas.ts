/** Writes the JSON Schema of the event envelope and of every event type to docs/schemas/, from the zod schemas that ingest itself uses.
 *  With --check it writes nothing and fails when what is there is not what would be written. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Envelope, eventTypes } from "../schemas/event.ts";

const folder = join(import.meta.dirname, "..", "docs", "schemas");

/** File name to text. Describes what may be sent: before defaults are filled in and times brought to UTC. */
export function renderSchemas(): Map<string, string> {
  const files = new Map([["envelope.json", render("Event envelope (CloudEvents 1.0)", Envelope)]]);
  for (const [type, data] of Object.entries(eventTypes)) {
    files.set(`${type}.json`, render(`Event ${type}`, Envelope.extend({ type: z.literal(type), data })));
  }
  return files;
}

function render(title: string, schema: z.ZodType): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" });
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}

/** What differs between the files that should be there and those that are: one line each. */
export function findStale(expected: ReadonlyMap<string, string>, present: ReadonlyMap<string, string>): string[] {
  const stale = [...expected].flatMap(([name, text]) => {
    if (!present.has(name)) return [`${name} is missing`];
    return present.get(name) === text ? [] : [`${name} is not what schemas/ says`];
  });
  const extra = [...present.keys()].filter((name) => !expected.has(name)).map((name) => `${name} belongs to no event type`);
  return [...stale, ...extra];
}

function readPresent(): Map<string, string> {
  mkdirSync(folder, { recursive: true });
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function write(expected: ReadonlyMap<string, string>): void {
  for (const name of readPresent().keys()) if (!expected.has(name)) rmSync(join(folder, name));
  for (const [name, text] of expected) writeFileSync(join(folder, name), text);
  console.log(`wrote ${expected.size} schemas to docs/schemas`);
}

function check(expected: ReadonlyMap<string, string>): void {
  const stale = findStale(expected, readPresent());
  for (const line of stale) console.error(`docs/schemas: ${line}; run node tools/export-schemas.ts`);
  if (stale.length > 0) process.exitCode = 1;
}

if (import.meta.main) {
  const expected = renderSchemas();
  if (process.argv.includes("--check")) check(expected);
  else write(expected);
}
