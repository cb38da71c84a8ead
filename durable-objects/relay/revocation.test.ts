/** A revoked token ends on live sockets within seconds, told or not, asleep or awake. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { app } from "../../gateway/app.ts";
import { rawRelay } from "../../tests/support/relays.ts";
import { openSocket, token } from "../../tests/support/sockets.ts";

async function revoke(body: object): Promise<Record<string, unknown>> {
  const headers = { "x-api-key": env.OPS_API_KEY };
  const response = await app.request("/security/revoke", { method: "POST", headers, body: JSON.stringify(body) }, env);
  return (await response.json<{ data: Record<string, unknown> }>()).data;
}

const granted = (jti: string): Promise<string> => token({ claims: { sub: "u", role: "trader", jti } });

it("closes the sockets of a token that is revoked, of a sleeping relay too, and no other", async () => {
  const [ended, other] = [
    await openSocket(`/ws/executions?token=${await granted("a")}`),
    await openSocket(`/ws/executions?token=${await granted("b")}`),
  ];
  await ended.next("subscribed");
  await other.next("subscribed");
  await evictDurableObject(rawRelay());
  expect(await revoke({ jti: "a" })).toMatchObject({ sockets_closed: 1, relays_unreached: [] });
  expect((await ended.closed).code).toBe(4001);
  await other.quiet();
  other.close();
});

it("refuses it on a new socket", async () => {
  await revoke({ jti: "c" });
  const socket = await openSocket(`/ws/executions?token=${await granted("c")}`);
  expect((await socket.closed).code).toBe(4001);
});

it("finds out at its next renewal when it was not told", async () => {
  const socket = await openSocket(`/ws/executions?token=${await granted("d")}`);
  await socket.next("subscribed");
  await env.SESSIONS_DB.prepare("INSERT INTO revocations VALUES ('jti', 'd', ?1, ?2)")
    .bind(Date.now(), Date.now() + 60_000)
    .run();
  await evictDurableObject(rawRelay());
  await runDurableObjectAlarm(rawRelay());
  expect((await socket.closed).code).toBe(4001);
});

it("ends an event stream with the reason", async () => {
  const response = await app.request(`/sse/executions?token=${await granted("e")}`, {}, env);
  await revoke({ jti: "e" });
  expect(await response.text()).toMatch(/event: closed\ndata: .*"code":4001/);
  expect((await app.request(`/sse/executions?token=${await granted("e")}`, {}, env)).status).toBe(401);
});
