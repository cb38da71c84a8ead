/** Tokens as they live on sockets: what is minted is taken by the relays, and what ends, ends there at once. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { rawRelay } from "../../tests/support/relays.ts";
import { openSocket } from "../../tests/support/sockets.ts";
import { emptySessionsDatabase, operatorKey, type Issued } from "../../tests/support/tokens.ts";
import { app } from "../app.ts";

beforeEach(emptySessionsDatabase);

interface Answer {
  readonly status: number;
  readonly data: Record<string, unknown>;
}

async function ask(path: string, body: object, alg = "HS256"): Promise<Answer> {
  const headers = { ...operatorKey, "content-type": "application/json" };
  const response = await app.request(path, { method: "POST", headers, body: JSON.stringify(body) }, { ...env, TOKEN_ALG: alg });
  const { data = {} } = await response.json<{ data?: Record<string, unknown> }>();
  return { status: response.status, data };
}

async function mint(alg: string, body: object = { sub: "u", role: "trader" }): Promise<Issued> {
  const { data } = await ask("/security/token", body, alg);
  return { access: String(data.access_token), refresh: String(data.refresh_token), sessionId: String(data.session_id) };
}

it.each(["HS256", "ES256"])(
  "a token signed by %s subscribes; once a refresh token is reused, the session's sockets close and no other",
  async (alg) => {
    const [stolen, other] = [await mint(alg), await mint(alg)];
    const [socket, quiet] = [
      await openSocket(`/ws/executions?token=${stolen.access}`),
      await openSocket(`/ws/executions?token=${other.access}`),
    ];
    await socket.next("subscribed");
    await quiet.next("subscribed");
    const second = await ask("/security/refresh", { refresh_token: stolen.refresh }, alg);
    expect((await ask("/security/refresh", { refresh_token: String(second.data.refresh_token) }, alg)).status).toBe(200);
    await evictDurableObject(rawRelay());
    expect((await ask("/security/refresh", { refresh_token: stolen.refresh }, alg)).status).toBe(401);
    expect((await socket.closed).code).toBe(4001);
    const again = await openSocket(`/ws/executions?token=${String(second.data.access_token)}`);
    expect((await again.closed).code).toBe(4001);
    await quiet.quiet();
    quiet.close();
  },
);

it("a refreshed token renews a live socket, with the same rights", async () => {
  const issued = await mint("ES256", { sub: "u", channels: { executions: ["subscribe"] } });
  const socket = await openSocket(`/ws/executions?token=${issued.access}`);
  await socket.next("subscribed");
  const { data } = await ask("/security/refresh", { refresh_token: issued.refresh }, "ES256");
  socket.send({ type: "authenticate", token: data.access_token, id: 7 });
  expect(await socket.next("authenticated")).toMatchObject({ id: 7 });
  socket.send({ type: "subscribe", channel: "strategies", id: 8 });
  expect(await socket.next("error")).toMatchObject({ id: 8, code: expect.anything() });
  await socket.quiet();
  expect(socket.frames.some(({ type }) => type === "unsubscribed")).toBe(false);
  socket.close();
});

it("a signed-out holder's socket closes", async () => {
  const { access } = await mint("HS256");
  const socket = await openSocket(`/ws/executions?token=${access}`);
  await socket.next("subscribed");
  const headers = { authorization: `Bearer ${access}` };
  const ended = await app.request("/security/revoke", { method: "POST", headers }, env);
  expect(await ended.json()).toMatchObject({ data: { ended: true, sockets_closed: 1 } });
  expect((await socket.closed).code).toBe(4001);
});
