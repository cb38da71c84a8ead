import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { listStatement, snapshotStatement } from "./entities.ts";
import type { Statement } from "./entities.ts";

async function planOf({ sql, params }: Statement): Promise<string> {
  const plan = env.OPPORTUNITIES_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...params);
  return (await plan.all<{ detail: string }>()).results.map(({ detail }) => detail).join("; ");
}

describe("the plan", () => {
  it("of pending opportunities walks the living only, however many dead rows wait to be pruned", async () => {
    const statement = listStatement("opportunities", { status: "pending", unexpiredAtMs: 1, chain: "base" }, { sort: "-time", limit: 10 });
    expect(await planOf(statement)).toContain("USING INDEX opportunities_living (expires_ms>?)");
  });

  it("of a bare list and of a snapshot of opportunities walks the living only", async () => {
    const list = listStatement("opportunities", { unexpiredAtMs: 1 }, { sort: "-time", limit: 10 });
    expect(await planOf(list)).toContain("USING INDEX opportunities_living (expires_ms>?)");
    expect(await planOf(snapshotStatement("opportunities", { nowMs: 1, limit: 10, after: "x" }))).toContain(
      "USING INDEX opportunities_living (expires_ms>?)",
    );
  });

  it("of an execution page starts at its cursor", async () => {
    const statement = listStatement("executions", {}, { sort: "-time", limit: 10, after: { key: 5, id: "x" } });
    const plan = await planOf(statement);
    expect(plan).toContain("USING INDEX executions_by_time ((time_ms,execution_id)<(?,?))");
    expect(plan).not.toContain("TEMP B-TREE");
  });

  it("of an execution snapshot's page starts behind the last id", async () => {
    expect(await planOf(snapshotStatement("executions", { nowMs: 1, limit: 10, after: "x" }))).toContain(
      "USING PRIMARY KEY (execution_id>?)",
    );
  });
});

it("no value becomes part of a statement's text", () => {
  const filter = {
    chain: "c'",
    status: "executed'",
    tokenPair: "t'",
    dex: "d'",
    opportunityId: "o'",
    strategyId: "s'",
    minProfit: 1,
    active: true,
  };
  const { sql, params } = listStatement("opportunities", filter, { sort: "-profit", limit: 1, after: { key: 1, id: "i'" } });
  expect(sql).not.toContain("'");
  expect(params).toHaveLength(sql.split("?").length - 1);
});
