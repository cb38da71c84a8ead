/** Fails when docs/seed.md leaves an item of the owner's seed without a module and a test (or "not yet"), or names one that is gone. */
import { problemsOf, seedRows } from "./seed-table.ts";
import { exists, readText } from "./tree.ts";

/** The seed has this many items to account for: a row that disappears is a promise that disappears. */
const itemsMin = 148;

const rows = seedRows(readText("docs/seed.md"));
const problems = rows.flatMap((row) => problemsOf(row, (path) => exists(path)));
if (rows.length < itemsMin) problems.push(`docs/seed.md: ${rows.length} rows, at least ${itemsMin} items of the seed must be listed`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
