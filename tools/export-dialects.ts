/** Writes docs/dialects.md from the adapters of producers/dialects/. With --check it writes nothing and fails when what is there is not what would
 *  be written. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dialectsDocument } from "../producers/dialects/table.ts";

const file = join(import.meta.dirname, "..", "docs", "dialects.md");

/** `present` is undefined when there is no file. */
export function isStale(expected: string, present: string | undefined): boolean {
  return present !== expected;
}

function readPresent(): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

if (import.meta.main) {
  const expected = dialectsDocument();
  if (!process.argv.includes("--check")) {
    writeFileSync(file, expected);
    console.log("wrote docs/dialects.md");
  } else if (isStale(expected, readPresent())) {
    console.error("docs/dialects.md is not what producers/dialects/ says; run node tools/export-dialects.ts");
    process.exitCode = 1;
  }
}
