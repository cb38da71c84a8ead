import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { splitStatements } from "./migrate.ts";

describe("splitting a migration into statements", () => {
  it("does not split inside quotes or comments", () => {
    const sql = "-- a; b\nCREATE TABLE t (a TEXT CHECK (a IN ('x;y', 'it''s -- no')), b INTEGER DEFAULT -1); -- end;\nSELECT 1 - 1;\n";
    expect(splitStatements(sql)).toEqual([
      "CREATE TABLE t (a TEXT CHECK (a IN ('x;y', 'it''s -- no')), b INTEGER DEFAULT -1)",
      "SELECT 1 - 1",
    ]);
  });

  it.each(["opportunities", "strategies", "metrics", "sessions"])("takes our own apart: %s", (name) => {
    const sql = readFileSync(new URL(`../../schemas/d1/migrations/${name}/0001_init.sql`, import.meta.url), "utf8");
    const statements = splitStatements(sql);
    expect(statements.length).toBe(sql.match(/^CREATE /gm)?.length);
    for (const statement of statements) expect(statement).toMatch(/^CREATE /);
  });
});
