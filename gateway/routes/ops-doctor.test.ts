import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { token } from "../../tests/support/sockets.ts";
import { DoctorReport } from "../../schemas/doctor.ts";
import configuration from "../../wrangler.toml?raw";
import { app } from "../app.ts";

async function ask(headers: Record<string, string>, bindings: Env = env): Promise<{ status: number; data: DoctorReport }> {
  const response = await app.request("https://edge.test/ops/doctor", { headers }, bindings);
  const body = (await response.json()) as { data: DoctorReport };
  return { status: response.status, data: body.data };
}

const operator = { "x-api-key": env.OPS_API_KEY };

it("is for operators alone", async () => {
  expect((await ask({})).status).toBe(401);
  expect((await ask({ authorization: `Bearer ${await token()}` })).status).toBe(403);
});

it("asks every binding that wrangler.toml names, and each is found well", async () => {
  const { status, data } = await ask(operator);
  expect(status).toBe(200);
  const report = DoctorReport.parse(data);
  expect(report.checks.filter((check) => check.status === "fail")).toEqual([]);
  const asked = report.checks.map(({ name }) => name);
  // Objects are asked by class, each binding of another kind by its name.
  const objects = [...configuration.matchAll(/^\[\[durable_objects\.bindings\]\]\nname = "\w+"\nclass_name = "(\w+)"/gm)];
  const others = [...configuration.matchAll(/^binding = "(\w+)"/gm)].filter(([, name]) => name !== "VERSION");
  const unasked = [...objects, ...others]
    .map(([, name = ""]) => name)
    .filter((name) => !asked.some((check) => check.split(":").includes(name)));
  expect(unasked, "gateway/doctor/bindings.ts asks each of them").toEqual([]);
  expect(Math.abs(Date.parse(report.server_time) - Date.now())).toBeLessThan(60_000);
});

it("tells what is out of reach or behind, and everything else as well", async () => {
  const down = { prepare: () => ({ first: () => Promise.reject(new Error("D1 is down")) }) };
  const old = { prepare: () => ({ first: async () => "0000_older.sql" }) };
  const full = { metrics: async () => ({ backlogCount: 5_000, backlogBytes: 1 }) };
  const broken = { ...env, STRATEGIES_DB: down, OPPORTUNITIES_DB: old, INBOX: full, API_CACHE: undefined } as unknown as Env;
  const { status, data } = await ask(operator, broken);
  expect({ status, verdict: data.status }).toEqual({ status: 200, verdict: "fail" });
  const found = Object.fromEntries(data.checks.map((check) => [check.name, check]));
  expect(found["d1:STRATEGIES_DB"]).toMatchObject({ status: "fail", detail: "D1 is down", advice: expect.any(String) as string });
  expect(found["d1:OPPORTUNITIES_DB"]).toMatchObject({ status: "fail", detail: expect.stringContaining("needs 0001_init.sql") as string });
  expect(found["queue:INBOX"]).toMatchObject({ status: "warn", detail: "5000 messages wait" });
  expect(found["kv:API_CACHE"]).toMatchObject({ status: "fail" });
  expect(found["d1:SESSIONS_DB"]).toMatchObject({ status: "ok" });
});
