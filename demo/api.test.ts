import { afterAll, beforeAll, expect, it } from "vitest";
import { ContaboApi } from "./api.ts";
import { readEventSet } from "./event-set.ts";

let api: ContaboApi;
beforeAll(async () => {
  api = await ContaboApi.start();
  api.saw(readEventSet("arbitrum").slice(0, 200));
});
afterAll(() => api.stop());

async function ask(method: string, path: string, body?: object): Promise<{ status: number; data: unknown }> {
  const response = await fetch(`${api.url}/api${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, data: ((await response.json()) as { data?: unknown }).data };
}

/** UPSTREAM 2; /api/proxy passes on these and no others. */
const documented = [
  "POST /auth/login",
  "GET /opportunities",
  "POST /opportunities/{id}/execute",
  "GET /strategies",
  "PUT /strategies/{id}",
  "GET /executions",
  "GET /executions/{id}",
  "GET /analytics/performance",
  "GET /analytics/health",
  "GET /chains",
  "GET /chains/{id}/config",
  "GET /health",
];

it("answers every call that the proxy passes on", async () => {
  const [opportunity, execution] = await Promise.all(
    ["opportunities", "executions"].map(async (kind) => (await ask("GET", `/${kind}?limit=1`)).data),
  );
  const idOf = (list: unknown, field: string): string => String((list as Record<string, unknown>[])[0]?.[field]);
  for (const [method = "", path = ""] of documented.map((name) => name.split(" "))) {
    const id = path.startsWith("/opportunities") ? idOf(opportunity, "opportunity_id") : idOf(execution, "execution_id");
    const { status } = await ask(method, path.replace("{id}", id), method === "GET" ? undefined : { strategy_id: "s", is_active: true });
    expect([path, status]).toEqual([path, path === "/auth/login" ? 401 : path.endsWith("/execute") ? 202 : 200]);
  }
});

it("tells the newest state of what it posted, filtered as asked", async () => {
  const { data } = await ask("GET", "/opportunities?chain=arbitrum&status=executed&limit=3");
  expect(data).toHaveLength(3);
  expect(new Set((data as { chain: string; execution_status: string }[]).map((one) => `${one.chain} ${one.execution_status}`))).toEqual(
    new Set(["arbitrum executed"]),
  );
  expect((await ask("GET", "/opportunities?chain=nowhere")).data).toEqual([]);
});

it("keeps what it was told to change, and knows nothing of what it did not post", async () => {
  await ask("PUT", "/strategies/mine", { is_active: false });
  expect((await ask("GET", "/strategies?active=false")).data).toEqual([{ is_active: false, strategy_id: "mine" }]);
  expect((await ask("POST", "/opportunities/none/execute", { strategy_id: "s" })).status).toBe(404);
  expect((await ask("GET", "/executions/none")).status).toBe(404);
});
