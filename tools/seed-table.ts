/** Reads docs/seed.md: in each table the first column is an item of the seed, the second the module that fulfils it, the third the test
 *  that shows it. A cell names paths of this repository in backticks, or says `not yet (topic)`; or both, for what is fulfilled in part. */

export interface SeedRow {
  readonly line: number;
  readonly item: string;
  readonly module: string;
  readonly test: string;
}

export function seedRows(markdown: string): SeedRow[] {
  return markdown.split("\n").flatMap((text, index) => {
    if (!text.startsWith("|") || /^\|[\s|:-]+\|$/.test(text)) return [];
    const [item = "", module = "", test = ""] = text
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
    return item === "Seed" ? [] : [{ line: index + 1, item, module, test }];
  });
}

/** What is wrong with a row, in words; empty when nothing is. `exists` answers for a path or glob from the root. */
export function problemsOf(row: SeedRow, exists: (path: string) => boolean): string[] {
  const where = `docs/seed.md:${row.line} ${row.item}`;
  return [...cellProblems(row.module, "module", exists), ...cellProblems(row.test, "test", exists)].map(
    (problem) => `${where}: ${problem}`,
  );
}

function cellProblems(cell: string, column: string, exists: (path: string) => boolean): string[] {
  const paths = [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  const missing = paths.filter((path) => !exists(path)).map((path) => `${column} ${path} does not exist`);
  if (paths.length === 0 && !/not yet \([^)]+\)/.test(cell)) return [`names no ${column}, nor "not yet (topic)"`];
  return missing;
}
