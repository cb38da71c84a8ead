/** A client's tokens on the running edge, each answer held against the OpenAPI document: an API client mints, its user's socket opens, the
 *  session is refreshed, and a refresh token that comes twice closes the socket at once. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { judgeBy, ValidatingProxy, type Document } from "./validating-proxy.ts";

const opsKey = { "x-api-key": requireVariable(readDevVars(join(import.meta.dirname, "..", "..")), "OPS_API_KEY") };

let edge: EdgeProcess;
let proxy: ValidatingProxy;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState(), "--var", "TOKEN_ALG=ES256"])).healthy();
  const document = (await (await fetch(`${edge.url}/openapi.json`)).json()) as Document;
  proxy = await ValidatingProxy.start(edge.url, judgeBy(document));
});
afterAll(async () => {
  proxy.end();
  await edge.end("SIGTERM");
});

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

async function ask(
  path: string,
  { method = "POST", headers = {}, body }: Asking = {},
): Promise<{ status: number; data: Record<string, unknown> }> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${proxy.url}${path}`, { method, headers: { "content-type": "application/json", ...headers }, ...sent });
  const { data = {} } = (await response.json()) as { data?: Record<string, unknown> };
  return { status: response.status, data };
}

interface Heard {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
}

/** A socket that is subscribed. */
async function listen(token: string): Promise<Heard> {
  const socket = new WebSocket(`${edge.url.replace("http", "ws")}/ws/executions?token=${token}`);
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  const subscribed = new Promise<void>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      if ((JSON.parse(String(data)) as { type: string }).type === "subscribed") resolve();
    });
  });
  const outcome = await Promise.race([subscribed, closed]);
  if (outcome !== undefined) throw new Error(`closed with ${outcome}`);
  return { socket, closed };
}

it("mint, subscribe, refresh, reuse: the socket closes, and nobody else's does", async () => {
  // The edge answers before its databases have their tables.
  const tables = async (): Promise<number> => (await ask("/ops/clients", { method: "GET", headers: opsKey })).status;
  await expect.poll(tables, { timeout: 30_000, interval: 200 }).toBe(200);
  const client = await ask("/ops/clients", {
    headers: opsKey,
    body: { name: "e2e", role: "trader", channels: { executions: ["subscribe"] } },
  });
  const key = { "x-api-key": String(client.data.key) };
  const [victim, other] = [
    await ask("/security/token", { headers: key, body: { sub: "u" } }),
    await ask("/security/token", { headers: key, body: {} }),
  ];
  expect([client.status, victim.status, other.status]).toEqual([201, 201, 201]);
  const [socket, quiet] = [await listen(String(victim.data.access_token)), await listen(String(other.data.access_token))];
  const second = await ask("/security/refresh", { body: { refresh_token: victim.data.refresh_token } });
  const third = await ask("/security/refresh", { body: { refresh_token: second.data.refresh_token } });
  expect([second.status, third.status, third.data.session_id]).toEqual([200, 200, victim.data.session_id]);
  expect((await ask("/security/refresh", { body: { refresh_token: victim.data.refresh_token } })).status).toBe(401);
  expect(await socket.closed).toBe(4001);
  const looked = await ask("/security/verify", { body: { token: third.data.access_token } });
  expect(looked.data).toEqual({ active: false, reason: "revoked" });
  expect(quiet.socket.readyState).toBe(WebSocket.OPEN);

  const ended = await ask(`/security/sessions/${String(other.data.session_id)}`, { method: "DELETE", headers: opsKey });
  expect([ended.data.sockets_closed, await quiet.closed]).toEqual([1, 4001]);
  const audit = await ask("/ops/audit?action=token.reused", { method: "GET", headers: opsKey });
  expect(audit.data).toMatchObject([{ subject: victim.data.session_id }]);
  expect((await ask(`/ops/clients/${String(client.data.client_id)}`, { method: "DELETE", headers: opsKey })).status).toBe(200);
  expect((await ask("/security/token", { headers: key, body: {} })).status).toBe(401);
  expect(proxy.findings).toEqual([]);
});
