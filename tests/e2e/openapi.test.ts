/** The OpenAPI document is true: each operation is asked well and badly through a proxy that holds every answer against the document. An operation
 *  that nobody asks well fails here, so a new route needs a line in `good`. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import { opportunityJson } from "../support/publications.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { judgeBy, ValidatingProxy } from "./validating-proxy.ts";
import type { Document, Exchange } from "./validating-proxy.ts";

const root = join(import.meta.dirname, "..", "..");
const variables = readDevVars(root);
const opsKey = { "x-api-key": requireVariable(variables, "OPS_API_KEY") };
const ingestKey = { "x-api-key": requireVariable(variables, "INGEST_API_KEYS").split(",")[0] ?? "" };
const asJson = { "content-type": "application/json" };

interface Call {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const event = opportunityJson({ id: "openapi-1" });
const hourAgo = (): string => new Date(Date.now() - 3_600_000).toISOString();

/** One call for each operation that must be answered as the document says it succeeds, in this order. */
const good: Readonly<Record<string, () => Call>> = {
  "POST /api/events": () => ({ path: "/api/events", headers: { ...ingestKey, ...asJson }, body: [event] }),
  "POST /api/webhook/contabo": () => ({ path: "/api/webhook/contabo", headers: { ...ingestKey, ...asJson }, body: event }),
  "GET /api/opportunities": () => ({ path: "/api/opportunities?limit=5", headers: opsKey }),
  "GET /api/opportunities/{id}": () => ({ path: "/api/opportunities/openapi-1", headers: opsKey }),
  "GET /api/executions": () => ({ path: "/api/executions", headers: opsKey }),
  "GET /api/strategies": () => ({ path: "/api/strategies", headers: opsKey }),
  "GET /api/channels/{channel}/history": () => ({ path: "/api/channels/opportunities/history", headers: opsKey }),
  "GET /api/channels/{channel}/snapshot": () => ({ path: "/api/channels/opportunities/snapshot", headers: opsKey }),
  "GET /api/channels/{channel}/presence": () => ({ path: "/api/channels/opportunities/presence", headers: opsKey }),
  "GET /ops/channels": () => ({ path: "/ops/channels", headers: opsKey }),
  "GET /ops/logs": () => ({ path: `/ops/logs?stream=opportunities&from=${hourAgo()}`, headers: opsKey }),
  "GET /ops/logs/hours": () => ({ path: `/ops/logs/hours?stream=opportunities&from=${hourAgo()}`, headers: opsKey }),
  "POST /ops/logs/hours": () => ({
    path: "/ops/logs/hours",
    headers: { ...opsKey, ...asJson },
    body: { stream: "opportunities", hour: new Date(Date.now() - 6 * 3_600_000).toISOString() },
  }),
  "GET /ops/cost": () => ({ path: "/ops/cost?hours=2", headers: opsKey }),
  "GET /ops/doctor": () => ({ path: "/ops/doctor", headers: opsKey }),
  "PUT /ops/logs/holds/{name}": () => ({
    path: "/ops/logs/holds/case-42",
    headers: { ...opsKey, ...asJson },
    body: { reason: "case 42", stream: "opportunities", from: hourAgo() },
  }),
  "GET /ops/logs/holds": () => ({ path: "/ops/logs/holds", headers: opsKey }),
  "DELETE /ops/logs/holds/{name}": () => ({ path: "/ops/logs/holds/case-42", headers: opsKey }),
  "POST /ops/replays": () => ({
    path: "/ops/replays",
    headers: { ...opsKey, ...asJson },
    body: { mode: "dry-run", streams: ["opportunities"], from: hourAgo(), to: new Date().toISOString(), pace: "original" },
  }),
  "GET /ops/replays": () => ({ path: "/ops/replays", headers: opsKey }),
  "GET /ops/placement": () => ({ path: "/ops/placement", headers: opsKey }),
  "PUT /ops/placement": () => ({ path: "/ops/placement", headers: { ...opsKey, ...asJson }, body: { v: 1, shards: {}, drained: [] } }),
  "PUT /ops/assets/{path}": () => ({ path: "/ops/assets/openapi.txt", headers: { ...opsKey, "if-none-match": "*" }, body: "hello" }),
  "GET /ops/assets": () => ({ path: "/ops/assets?limit=1", headers: opsKey }),
  "GET /ops/assets/{path}": () => ({ path: "/ops/assets/openapi.txt", headers: opsKey }),
  "GET /assets/{path}": () => ({ path: "/assets/openapi.txt" }),
  "DELETE /ops/assets/{path}": () => ({ path: "/ops/assets/openapi.txt", headers: opsKey }),
  "GET /ops/config": () => ({ path: "/ops/config", headers: opsKey }),
  "PUT /ops/config": () => ({ path: "/ops/config", headers: { ...opsKey, ...asJson, "if-match": '"0"' }, body: { config: { v: 1 } } }),
  "GET /ops/config/history": () => ({ path: "/ops/config/history", headers: opsKey }),
  "POST /ops/config/rollback": () => ({ path: "/ops/config/rollback", headers: { ...opsKey, ...asJson }, body: { version: 1 } }),
  "PUT /ops/firewall": () => ({
    path: "/ops/firewall",
    headers: { ...opsKey, ...asJson, "if-match": '"2"' },
    body: { rules: [{ id: "a", action: "log", paths: ["/*"] }] },
  }),
  "GET /ops/firewall": () => ({ path: "/ops/firewall", headers: opsKey }),
  "POST /ops/firewall/test": () => ({
    path: "/ops/firewall/test",
    headers: { ...opsKey, ...asJson },
    body: { requests: [{ method: "GET", path: "/api/opportunities", ip: "192.0.2.1" }] },
  }),
  "POST /ops/bans": () => ({ path: "/ops/bans", headers: { ...opsKey, ...asJson }, body: { network: "192.0.2.1", reason: "test" } }),
  "GET /ops/bans": () => ({ path: "/ops/bans", headers: opsKey }),
  "DELETE /ops/bans": () => ({ path: "/ops/bans?network=192.0.2.1", headers: opsKey }),
  "GET /ops/limits": () => ({ path: "/ops/limits", headers: opsKey }),
  "POST /security/revoke": () => ({ path: "/security/revoke", headers: { ...opsKey, ...asJson }, body: { sub: "nobody" } }),
  "GET /ops/dead-letters": () => ({ path: "/ops/dead-letters", headers: opsKey }),
  "POST /ops/dead-letters/discard": () => ({
    path: "/ops/dead-letters/discard",
    headers: { ...opsKey, ...asJson },
    body: { ids: ["0".repeat(32)], comment: "none" },
  }),
  "POST /ops/dead-letters/redrive": () => ({ path: "/ops/dead-letters/redrive", headers: { ...opsKey, ...asJson }, body: { limit: 1 } }),
  "POST /ops/backups": () => ({ path: "/ops/backups", headers: { ...opsKey, ...asJson }, body: { parts: ["kv:CONFIG_CACHE"] } }),
  "GET /ops/backups": () => ({ path: "/ops/backups", headers: opsKey }),
  "GET /ops/backend": () => ({ path: "/ops/backend", headers: opsKey }),
  "GET /ops/cache": () => ({ path: "/ops/cache", headers: opsKey }),
  "POST /ops/cache/purge": () => ({ path: "/ops/cache/purge", headers: { ...opsKey, ...asJson }, body: { everything: true } }),
  "POST /ops/clients": () => ({ path: "/ops/clients", headers: { ...opsKey, ...asJson }, body: { name: "openapi", role: "viewer" } }),
  "GET /ops/clients": () => ({ path: "/ops/clients", headers: opsKey }),
  "GET /ops/audit": () => ({ path: "/ops/audit", headers: opsKey }),
  "POST /security/token": () => ({ path: "/security/token", headers: { ...opsKey, ...asJson }, body: { sub: "somebody", role: "viewer" } }),
  "POST /security/verify": () => ({ path: "/security/verify", headers: asJson, body: { token: "nonsense" } }),
  "GET /security/sessions": () => ({ path: "/security/sessions?sub=somebody", headers: opsKey }),
  "POST /security/keys/rotate": () => ({ path: "/security/keys/rotate", headers: { ...opsKey, ...asJson }, body: {} }),
  "GET /.well-known/jwks.json": () => ({ path: "/.well-known/jwks.json" }),
  "POST /api/batch": () => ({
    path: "/api/batch",
    headers: { ...opsKey, ...asJson },
    body: {
      requests: [
        { method: "GET", path: "/api/opportunities?limit=1" },
        { method: "GET", path: "/api/nothing" },
      ],
    },
  }),
  "POST /api/proxy/auth/login": () => ({ path: "/api/proxy/auth/login", headers: asJson, body: { email: "a@b.c", password: "x" } }),
  "GET /api/proxy/opportunities": () => ({ path: "/api/proxy/opportunities?limit=5", headers: opsKey }),
  "POST /api/proxy/opportunities/{id}/execute": () => ({
    path: "/api/proxy/opportunities/one/execute",
    headers: { ...opsKey, ...asJson, "idempotency-key": "openapi-execute-0001" },
    body: { strategy_id: "s", max_gas_price: "1", slippage_tolerance: "0.01", confirmation_blocks: 1 },
  }),
  "GET /api/proxy/strategies": () => ({ path: "/api/proxy/strategies", headers: opsKey }),
  "PUT /api/proxy/strategies/{id}": () => ({ path: "/api/proxy/strategies/one", headers: { ...opsKey, ...asJson }, body: { name: "x" } }),
  "GET /api/proxy/executions": () => ({ path: "/api/proxy/executions", headers: opsKey }),
  "GET /api/proxy/executions/{id}": () => ({ path: "/api/proxy/executions/one", headers: opsKey }),
  "GET /api/proxy/analytics/performance": () => ({ path: "/api/proxy/analytics/performance?period=24h", headers: opsKey }),
  "GET /api/proxy/analytics/health": () => ({ path: "/api/proxy/analytics/health", headers: opsKey }),
  "GET /api/proxy/chains": () => ({ path: "/api/proxy/chains", headers: opsKey }),
  "GET /api/proxy/chains/{id}/config": () => ({ path: "/api/proxy/chains/base/config", headers: opsKey }),
  "GET /api/proxy/health": () => ({ path: "/api/proxy/health" }),
  "GET /health": () => ({ path: "/health" }),
  "GET /openapi.json": () => ({ path: "/openapi.json" }),
  "GET /asyncapi.json": () => ({ path: "/asyncapi.json" }),
  "GET /docs": () => ({ path: "/docs" }),
};

/** Need something that this test does not make: asked badly here, well in tests of their own. */
const goodElsewhere = new Set([
  "GET /ops/backups/{id}",
  "DELETE /ops/backups/{id}",
  "POST /ops/backups/{id}/verify",
  "POST /ops/backups/{id}/restore",
  "GET /ops/restores/{id}",
  "GET /ops/replays/{id}",
  "DELETE /ops/replays/{id}",
  "POST /ops/replays/{id}/pause",
  "POST /ops/replays/{id}/resume",
  "GET /api/executions/{id}",
  "GET /api/strategies/{id}",
  "GET /ops/dead-letters/{id}",
  "POST /ops/dead-letters/{id}/redrive",
  "DELETE /ops/clients/{id}",
  "POST /security/refresh",
  "DELETE /security/sessions/{id}",
]);
/** Answered by an upgrade or a stream without an end: tests/e2e/asyncapi.test.ts and sse.test.ts. */
const endless = new Set(["/ws", "/ws/{channel}", "/parties/channel/{channel}", "/connection/websocket", "/sse/{channel}"]);

let edge: EdgeProcess;
let backend: Server;
let proxy: ValidatingProxy;
let document: Document;
beforeAll(async () => {
  backend = createServer((_, response) => response.setHeader("content-type", "application/json").end('{"success":true,"data":{}}'));
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  const { port } = backend.address() as AddressInfo;
  const behind = ["--var", `CONTABO_BACKEND_URL=http://127.0.0.1:${port}`];
  const unlimited = ["--var", "RATE_LIMIT_REQUESTS=10000000"];
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState(), ...unlimited, ...behind])).healthy();
  document = (await (await fetch(`${edge.url}/openapi.json`)).json()) as Document;
  proxy = await ValidatingProxy.start(edge.url, judgeBy(document));
});
afterAll(async () => {
  proxy.end();
  backend.closeAllConnections();
  backend.close();
  await edge.end("SIGTERM");
});

let clients = 0;

/** Each call is another client's: who asks badly again and again is shut out. */
async function ask(method: string, { path, headers: own = {}, body }: Call): Promise<number> {
  clients += 1;
  const headers = { ...own, "cf-connecting-ip": `198.18.${clients >> 8}.${clients & 255}` };
  const sent = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${proxy.url}${path}`, { method, headers, body: sent });
  await response.arrayBuffer();
  return response.status;
}

function operations(): { readonly method: string; readonly template: string; readonly name: string }[] {
  return Object.entries(document.paths).flatMap(([template, item]) =>
    Object.keys(item).map((method) => ({ method: method.toUpperCase(), template, name: `${method.toUpperCase()} ${template}` })),
  );
}

async function token(claims: Record<string, unknown>, expiresInSeconds: number): Promise<string> {
  return new SignJWT({ sub: "openapi", ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("arbitragex-edge")
    .setAudience("arbitragex-edge")
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInSeconds)
    .sign(new TextEncoder().encode(requireVariable(variables, "JWT_SECRET")));
}

it("answers each operation as described when it is asked well, and leaves none out", async () => {
  for (const [name, call] of Object.entries(good)) {
    const [method = ""] = name.split(" ");
    await expect.poll(() => ask(method, call()), { timeout: 20_000, interval: 500, message: name }).toBeLessThan(300);
  }
  const asked = new Set([...Object.keys(good), ...goodElsewhere]);
  expect(operations().filter(({ name, template }) => !asked.has(name) && !endless.has(template))).toEqual([]);
  expect(proxy.findings).toEqual([]);
});

it("answers each operation as described when it is asked badly", async () => {
  const reader = { authorization: `Bearer ${await token({ role: "viewer" }, 60)}` };
  const expired = { authorization: `Bearer ${await token({ role: "viewer" }, -60)}` };
  const credentials = [
    {},
    { authorization: "Basic eDp5" },
    { authorization: "Bearer no.token.atall" },
    { "x-api-key": "wrong" },
    expired,
    reader,
    opsKey,
  ];
  for (const { method, template } of operations().filter((each) => !endless.has(each.template))) {
    const path = template.replaceAll(/\{\w+\}/g, "no-such-thing");
    for (const headers of credentials) {
      await ask(method, { path: `${path}?no_such_parameter=1`, headers });
      if (method === "GET") await ask("HEAD", { path, headers });
      else
        for (const body of ["", "{", "[]", '{"a":1}', "x".repeat(70_000)])
          await ask(method, { path, headers: { ...headers, ...asJson }, body });
    }
    await ask("DELETE", { path });
    await ask("OPTIONS", { path, headers: { origin: "https://evil.example", "access-control-request-method": "POST" } });
  }
  for (const path of ["/nowhere", "/api/nothing", "/ops/nothing", "/sse/nothing", "/ws/nothing", "/ws"]) await ask("GET", { path });
  expect(proxy.findings).toEqual([]);
  expect([...proxy.seen].filter((line) => line.endsWith(" 401")).length).toBeGreaterThan(10);
}, 120_000);

describe("the judge itself", () => {
  const right: Exchange = {
    method: "GET",
    path: "/health",
    status: 200,
    contentType: "application/json",
    body: Buffer.from('{"status":"healthy","checks":{}}'),
  };

  it.each([
    ["another shape", { body: Buffer.from('{"status":"fine"}') }],
    ["a field that is not named", { body: Buffer.from('{"status":"healthy","checks":{},"secret":1}') }],
    ["a status that is not described", { status: 418 }],
    ["another content type", { contentType: "text/html" }],
    ["a path that is not described", { path: "/healthy" }],
  ])("finds %s", (_, wrong) => {
    const judge = judgeBy(document);
    expect(judge(right)).toEqual([]);
    expect(judge({ ...right, ...wrong })).not.toEqual([]);
  });
});
