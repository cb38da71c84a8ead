import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseOptions } from "../options.ts";
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

describe("options of npm start", () => {
  it.each([["--port", "x"], ["--speed", "0"], ["--slice", "-1"], ["--once", "--no-feed"], ["--what"]])("refuses %s %s", (...args) => {
    expect(parseOptions(args).kind).toBe("bad");
  });

  it("has defaults for everything", () => {
    expect(parseOptions([])).toEqual({
      kind: "start",
      options: { port: 8_787, speed: 1, once: false, feed: true, fresh: false, state: ".local/state", sliceSeconds: undefined },
    });
  });

  it("reads them all", () => {
    expect(parseOptions(["--port", "9000", "--speed", "20", "--once", "--fresh", "--slice", "60", "--state", "tmp"])).toEqual({
      kind: "start",
      options: { port: 9_000, speed: 20, once: true, feed: true, fresh: true, state: "tmp", sliceSeconds: 60 },
    });
    expect(parseOptions(["--no-feed"])).toMatchObject({ options: { feed: false } });
  });
});
