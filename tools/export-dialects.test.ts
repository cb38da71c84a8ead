import { expect, it } from "vitest";
import { dialects } from "../producers/dialects/adapters.ts";
import { dialectsDocument } from "../producers/dialects/table.ts";
import { isStale } from "./export-dialects.ts";

it("finds a document that is missing or differs in a character stale", () => {
  const text = dialectsDocument();
  expect([isStale(text, undefined), isStale(text, `${text} `), isStale(text, text)]).toEqual([true, true, false]);
});

it("has a row for every mapping of every adapter, each with four cells", () => {
  const rows = dialectsDocument()
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| sent"));
  expect(rows).toHaveLength(dialects.reduce((sum, { mappings }) => sum + mappings.length, 0));
  for (const row of rows) expect(row.replaceAll("\\|", "").split("|")).toHaveLength(6);
});
