import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { openSocket, token } from "../../tests/support/sockets.ts";
import { app } from "../app.ts";

const operator = { "x-api-key": env.OPS_API_KEY };

async function put(body: unknown, headers: Record<string, string> = operator): Promise<{ status: number; body: Record<string, unknown> }> {
  const init = { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await app.request("https://edge.test/ops/placement", init, env);
  return { status: response.status, body: await response.json() };
}

beforeEach(async () => {
  await put({ v: 1 });
});

it("is for operators alone", async () => {
  expect((await put({ v: 1 }, {})).status).toBe(401);
  expect((await put({ v: 1 }, { authorization: `Bearer ${await token()}` })).status).toBe(403);
});

it.each([
  [{ v: 1, shards: { weur: 0 } }, "shards.weur"],
  [{ v: 1, drained: ["mars"] }, "drained.0"],
  [{}, "v"],
])("refuses %j and names the field", async (body, parameter) => {
  expect(await put(body)).toMatchObject({ status: 400, body: { error: { code: "INVALID_PARAMETERS", details: { parameter } } } });
});

it("keeps what it was given and shows it", async () => {
  const placement = { v: 1, shards: { weur: 3 }, drained: ["apac"] };
  expect(await put(placement)).toMatchObject({ status: 200, body: { data: placement } });
  const shown = await app.request("https://edge.test/ops/placement", { headers: operator }, env);
  expect(await shown.json()).toMatchObject({ data: placement });
});

it("sends the sockets of a drained region away as by a restart, once", async () => {
  // Requests of tests carry no place, so they land in the first region.
  const [region = ""] = env.REGIONS.split(",");
  const socket = await openSocket("/ws?batch=0");
  await socket.next("welcome");
  expect(await put({ v: 1, drained: [region] })).toMatchObject({ body: { data: { sockets_sent: 1, relays_unreached: [] } } });
  expect((await socket.closed).code).toBe(1001);
  expect(await put({ v: 1, drained: [region] })).toMatchObject({ body: { data: { sockets_sent: 0 } } });
});
