/** Writes docs/asyncapi.json from the schemas. With --check it writes nothing and fails when what is there is not what would be written. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { streams } from "../channels/catalogue.ts";
import { asyncApiDocument } from "../schemas/asyncapi.ts";

const file = join(import.meta.dirname, "..", "docs", "asyncapi.json");

export function renderAsyncApi(): string {
  return `${JSON.stringify(asyncApiDocument(streams.map(({ name }) => name)), null, 2)}\n`;
}

/** `present` is undefined when there is no file. */
export function isStale(expected: string, present: string | undefined): boolean {
  return present !== expected;
}

function readPresent(): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

if (import.meta.main) {
  const expected = renderAsyncApi();
  if (!process.argv.includes("--check")) {
    writeFileSync(file, expected);
    console.log("wrote docs/asyncapi.json");
  } else if (isStale(expected, readPresent())) {
    console.error("docs/asyncapi.json is not what schemas/ says; run npm run asyncapi");
    process.exitCode = 1;
  }
}
