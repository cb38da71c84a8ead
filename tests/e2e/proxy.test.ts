/** The proxy before a backend that is well, slow, ill, silent, huge or dead, over the line of the running edge. */
import { connect } from "node:net";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import { backendExecuteMs, backendReadMs, breakerPause } from "../../schemas/limits-proxy.ts";
import { StandInBackend } from "../support/backend.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const variables = readDevVars(join(import.meta.dirname, "..", ".."));
const operator = { "x-api-key": requireVariable(variables, "OPS_API_KEY") };
const asJson = { "content-type": "application/json" };

let first: StandInBackend;
let second: StandInBackend;
/** Knows the first backend alone, and both. */
let alone: EdgeProcess;
let both: EdgeProcess;

async function startEdge(...backends: StandInBackend[]): Promise<EdgeProcess> {
  const urls = backends.map(({ url }) => url).join(",");
  const args = ["--no-feed", "--state", freshState(), "--var", `CONTABO_BACKEND_URL=${urls}`, "--var", "RATE_LIMIT_REQUESTS=10000000"];
  return (await EdgeProcess.start(args)).healthy();
}

beforeAll(async () => {
  [first, second] = [await StandInBackend.start(), await StandInBackend.start()];
  alone = await startEdge(first);
  both = await startEdge(first, second);
});
afterAll(async () => {
  await Promise.all([alone.end("SIGTERM"), both.end("SIGTERM")]);
  for (const backend of [first, second]) {
    backend.mode = "well";
    await backend.die();
  }
});

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly tookMs: number;
  readonly body: {
    readonly data?: Readonly<Record<string, unknown>>;
    readonly error?: { readonly code: string; readonly message: string; readonly details?: Readonly<Record<string, unknown>> };
  };
}

/** Addresses that no test has asked before: what is cached answers nothing here. */
let fresh = 0;
const unasked = (): string => `executions/e-${(fresh += 1)}`;

async function ask(edge: EdgeProcess, path: string, init: RequestInit = {}): Promise<Told> {
  const startedMs = Date.now();
  const response = await fetch(`${edge.url}/api/proxy/${path}`, { ...init, headers: { ...operator, ...init.headers } });
  const text = await response.text();
  const body = text.startsWith("{") ? (JSON.parse(text) as Told["body"]) : {};
  return { status: response.status, headers: response.headers, text, body, tookMs: Date.now() - startedMs };
}

const trade = { strategy_id: "s1", max_gas_price: "50000000000", slippage_tolerance: "0.005", confirmation_blocks: 1 };

function execute(edge: EdgeProcess, opportunity: string, key: string): Promise<Told> {
  const headers = { ...asJson, "idempotency-key": key };
  return ask(edge, `opportunities/${opportunity}/execute`, { method: "POST", headers, body: JSON.stringify(trade) });
}

async function untilWell(edge: EdgeProcess): Promise<void> {
  await expect.poll(async () => (await ask(edge, unasked())).status, { timeout: 2 * breakerPause.maxMs, interval: 200 }).toBe(200);
}

beforeEach(async () => {
  for (const backend of [first, second]) {
    backend.mode = "well";
    backend.forget();
  }
  await untilWell(alone);
  for (const backend of [first, second]) backend.forget();
});

describe("a backend that is well", () => {
  it.each([
    ["opportunities?chain=base&limit=5&status=pending", "/opportunities", { chain: "base", limit: "5", status: "pending" }],
    ["strategies?active=true", "/strategies", { active: "true" }],
    ["executions?limit=5&status=failed&strategy_id=s1", "/executions", { limit: "5", status: "failed", strategy_id: "s1" }],
    ["executions/e1", "/executions/e1", {}],
    ["analytics/performance?period=24h&strategy_id=s1", "/analytics/performance", { period: "24h", strategy_id: "s1" }],
    ["analytics/health", "/analytics/health", {}],
    ["chains", "/chains", {}],
    ["chains/base/config", "/chains/base/config", {}],
    ["health", "/health", {}],
  ])("answers GET %s", async (asked, path, query) => {
    const { status, body, headers } = await ask(alone, asked);
    expect([status, body.data]).toEqual([200, { path, query, wei: "1000209768293722043" }]);
    expect(headers.get("cache-status")).toContain("fwd=uri-miss");
    expect([headers.get("set-cookie"), headers.get("server")]).toEqual([null, null]);
  });

  it("sees the edge's credentials and the request's id, and nothing of the client's", async () => {
    const theirs = { cookie: "a=b", "x-forwarded-for": "10.0.0.1", "x-request-id": "mine-1", "user-agent": "browser", te: "trailers" };
    await ask(alone, "strategies?active=false", { headers: theirs });
    const [{ headers } = { headers: {} }] = first.requests;
    expect(headers).toMatchObject({
      authorization: "Bearer dev-backend-token-0001",
      "x-api-key": "dev-contabo-key-0001",
      "x-request-id": "mine-1",
    });
    const ours = ["accept", "accept-encoding", "authorization", "host", "user-agent", "x-api-key", "x-request-id"];
    // The local runtime's own; Cloudflare's names itself likewise.
    const platforms = /^(cf-|connection$|mf-|traceparent$|transfer-encoding$)/;
    expect(Object.keys(headers).filter((name) => !ours.includes(name) && !platforms.test(name))).toEqual([]);
    expect(JSON.stringify(headers)).not.toMatch(/dev-ops-key|10\.0\.0\.1|browser/);
  });

  it("may compress what it answers: it is undone once, also in what was cached", async () => {
    first.mode = "compressing";
    const path = unasked();
    const plain = await ask(alone, path, { headers: { "accept-encoding": "identity" } });
    expect([plain.status, plain.headers.get("content-encoding"), plain.body.data?.["path"]]).toEqual([200, null, `/${path}`]);
    const cached = await ask(alone, path);
    expect([cached.text, cached.headers.get("cache-status")]).toEqual([plain.text, expect.stringContaining("hit")]);
  });

  it("signs people in, and its refusal is theirs", async () => {
    const login = (password: string): Promise<Told> =>
      ask(alone, "auth/login", { method: "POST", headers: asJson, body: JSON.stringify({ email: "a@b.example", password }) });
    const right = await login("right");
    expect([right.status, right.body.data, right.headers.get("cache-control")]).toEqual([200, { token: "a.b.c" }, "no-store"]);
    const wrong = await login("wrong");
    expect([wrong.status, wrong.body.error?.code, wrong.body.error?.message]).toEqual([401, "UNAUTHORIZED", "wrong password"]);
  });

  it("is told what changes, and the old answer is gone", async () => {
    await ask(alone, "strategies");
    const put = await ask(alone, "strategies/s1", { method: "PUT", headers: asJson, body: '{"is_active":false}' });
    expect(put.body.data).toEqual({ strategy_id: "s1", is_active: false });
    await ask(alone, "strategies");
    expect(first.count("GET /api/strategies")).toBe(2);
  });

  it("says no in one sentence: nothing of where in its code that was", async () => {
    const { status, text, body } = await ask(alone, "executions/none");
    expect([status, body.error?.code, body.error?.message]).toEqual([404, "NOT_FOUND", "no such execution"]);
    expect(text).not.toMatch(/\.js|stack|\/srv/);
  });

  it("is asked once by 200 that ask for the same at once", async () => {
    first.mode = "slow";
    first.delayMs = 1_000;
    const path = unasked();
    const told = await Promise.all(Array.from({ length: 200 }, () => ask(alone, path)));
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(told.map(({ text }) => text)).size).toBe(1);
    expect(first.count(`GET /api/${path}`)).toBe(1);
  });

  it("is not asked by whom the edge does not let in", async () => {
    const token = await new SignJWT({ sub: "v", role: "VIEWER" })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer("arbitragex-edge")
      .setAudience("arbitragex-edge")
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(requireVariable(variables, "JWT_SECRET")));
    const post = (authorization: Record<string, string>): Promise<Response> =>
      fetch(`${alone.url}/api/proxy/opportunities/o1/execute`, {
        method: "POST",
        headers: { ...asJson, "idempotency-key": "k", ...authorization },
        body: JSON.stringify(trade),
      });
    expect((await post({})).status).toBe(401);
    expect((await post({ authorization: `Bearer ${token}` })).status).toBe(403);
    expect((await fetch(`${alone.url}/api/proxy/executions`)).status).toBe(401);
    expect(first.requests).toEqual([]);
  });
});

describe("a path that wants to leave", () => {
  /** As it stands: HTTP clients tidy a path before they send it. */
  async function raw(target: string): Promise<string> {
    const socket = connect(alone.port, "127.0.0.1");
    socket.write(`GET ${target} HTTP/1.1\r\nhost: edge.test\r\nx-api-key: ${operator["x-api-key"]}\r\nconnection: close\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    return text;
  }

  it.each([
    "/api/proxy/../internal",
    "/api/proxy/%2e%2e/internal",
    "/api/proxy/..%2finternal",
    "/api/proxy/chains/../../../internal",
    "/api/proxy/chains/%2e%2e%2f%2e%2e%2finternal/config",
    "/api/proxy/chains/..%5c..%5cinternal/config",
    "/api/proxy/chains\\..\\internal",
    "/api/proxy//127.0.0.1:1/x",
    "/api/proxy/@127.0.0.1:1/x",
    "/api/proxy/http://127.0.0.1:1/x",
    "/api/proxy/chains/%252e%252e/config",
    "/api/proxy/chains/x%0d%0ahost:%20evil/config",
    "/api/proxy/internal",
    "//evil.example/api/proxy/internal",
    "http://evil.example/api/proxy/internal",
    "/api/proxy/chains?x=%0d%0ahost:evil",
  ])("finds nothing at %s", async (target) => {
    expect(await raw(target)).toMatch(/^HTTP\/1\.1 (400|404|5\d\d) /);
    expect(first.requests.map(({ url }) => url).filter((url) => url !== "/api/health")).toEqual([]);
  });

  it("reaches this edge's own backend whatever host its absolute form names", async () => {
    expect(await raw("http://evil.example/api/proxy/chains/op/config")).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
    expect(first.requests.every(({ headers }) => headers.host === new URL(first.url).host)).toBe(true);
  });
});

describe("a backend that is ill", () => {
  it.each(["redirecting", "broken"] as const)("and %s is told as 502, with nothing of its insides", async (mode) => {
    first.mode = mode;
    const { status, text, body } = await ask(alone, unasked());
    expect([status, body.error?.code]).toEqual([502, "UPSTREAM_UNAVAILABLE"]);
    expect(text).not.toMatch(/ECONNREFUSED|db\.internal|\/srv|<html/);
    expect(first.requests.filter(({ url }) => url.includes("internal"))).toEqual([]);
  });

  it("every second time is well to who reads", async () => {
    first.mode = "flapping";
    for (let asked = 0; asked < 5; asked += 1) expect((await ask(alone, unasked())).status).toBe(200);
  });

  it("and sends without end is cut off, and one that stops as well", async () => {
    first.mode = "huge";
    const huge = await fetch(`${alone.url}/api/proxy/${unasked()}`, { headers: operator })
      .then((response) => response.arrayBuffer())
      .catch((error: unknown) => error);
    expect(huge).toBeInstanceOf(Error);
    first.mode = "stalling";
    const startedMs = Date.now();
    const stalled = await ask(alone, unasked()).catch((error: unknown) => error);
    expect(stalled instanceof Error || (stalled as Told).status >= 500).toBe(true);
    expect(Date.now() - startedMs).toBeLessThan(30_000);
  });

  it("is left alone after a while, answered for from what is held, and taken back when it is well", async () => {
    const held = "executions/held";
    const before = await ask(alone, held);
    first.mode = "failing";
    await expect.poll(async () => (await ask(alone, unasked())).status, { timeout: 20_000 }).toBe(503);
    const asked = first.requests.length;
    const refused = await ask(alone, unasked());
    expect([refused.status, refused.body.error?.code]).toEqual([503, "UPSTREAM_UNAVAILABLE"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.tookMs).toBeLessThan(1_000);
    expect(first.requests.length).toBe(asked);
    await expect
      .poll(async () => (await ask(alone, held)).headers.get("cache-status"), { timeout: 20_000, interval: 500 })
      .toContain("stale-if-error");
    expect((await ask(alone, held)).text).toBe(before.text);
    first.mode = "well";
    await untilWell(alone);
  });

  it("or gone is replaced by the second within one request, and taken back", async () => {
    await untilWell(both);
    await first.die();
    second.forget();
    const path = unasked();
    const { status, tookMs } = await ask(both, path);
    expect(status).toBe(200);
    expect(second.count(`GET /api/${path}`)).toBe(1);
    expect(tookMs).toBeLessThan(backendReadMs);
    await first.revive();
    first.forget();
    await expect
      .poll(
        async () => (await ask(both, unasked())).status === 200 && first.requests.some(({ url }) => url.startsWith("/api/executions")),
        {
          timeout: 60_000,
          interval: 500,
        },
      )
      .toBe(true);
  });
});

describe("an execution", () => {
  it("that twenty ask for under one key happens once", async () => {
    first.mode = "slow";
    first.delayMs = 300;
    const told = await Promise.all(Array.from({ length: 20 }, () => execute(alone, "o-twenty", "twenty")));
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([202, 409]));
    expect(first.executed).toEqual(["o-twenty"]);
    const again = await execute(alone, "o-twenty", "twenty");
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([202, "true"]);
    expect(again.text).toBe(told.find(({ status }) => status === 202)?.text);
    expect(first.executed).toEqual(["o-twenty"]);
  });

  it("whose client hangs up goes on, and its answer waits for who asks again", async () => {
    first.mode = "slow";
    first.delayMs = 1_000;
    const init = { method: "POST", headers: { ...operator, ...asJson, "idempotency-key": "hung-up" }, body: JSON.stringify(trade) };
    const hangUp = new AbortController();
    const asked = fetch(`${alone.url}/api/proxy/opportunities/o-hung/execute`, { ...init, signal: hangUp.signal }).catch(() => "hung up");
    await expect.poll(() => first.executed.length).toBe(1);
    hangUp.abort();
    expect(await asked).toBe("hung up");
    await expect.poll(async () => (await execute(alone, "o-hung", "hung-up")).status, { timeout: 10_000 }).toBe(202);
    expect(first.executed).toEqual(["o-hung"]);
  });

  it("whose answer was cut off is not known to have happened, and does not happen again", async () => {
    first.mode = "cutting";
    const { status, body } = await execute(both, "o-cut", "cut");
    expect([status, body.error?.details]).toEqual([503, { outcome: "unknown" }]);
    first.mode = "well";
    for (let time = 0; time < 3; time += 1) {
      const again = await execute(both, "o-cut", "cut");
      expect([again.status, again.body.error?.details]).toEqual([503, { outcome: "unknown", replayed: true }]);
    }
    expect([first.executed, second.executed]).toEqual([["o-cut"], []]);
  });

  it("that a silent backend never answers ends in time, as not known", async () => {
    first.mode = "silent";
    const { status, body, tookMs } = await execute(alone, "o-silent", "silent");
    expect([status, body.error?.code, body.error?.details]).toEqual([504, "UPSTREAM_TIMEOUT", { outcome: "unknown" }]);
    expect(tookMs).toBeLessThan(backendExecuteMs + 2_000);
    expect(first.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });
});

it("has no request without an end: a silent backend is told as 504 on every address", async () => {
  first.mode = "silent";
  const paths = [
    "opportunities?limit=499",
    "strategies?active=true",
    unasked(),
    "executions?limit=499",
    "analytics/performance?period=90d",
    "chains/silent/config",
  ];
  // What was asked before may be answered from what is held: that is an end too.
  const told = await Promise.all(paths.map((path) => ask(alone, path)));
  for (const { status, tookMs } of told) {
    expect([200, 503, 504]).toContain(status);
    expect(tookMs).toBeLessThan(backendReadMs + 2_000);
  }
  expect(told.some(({ status }) => status === 504)).toBe(true);
});

it("answers a batch, each part by itself", async () => {
  const requests = [
    { id: "a", method: "GET", path: `/api/proxy/${unasked()}` },
    { id: "b", method: "POST", path: "/api/proxy/opportunities/o-batch/execute", headers: { "idempotency-key": "batch" }, body: trade },
    { id: "c", method: "GET", path: "/api/proxy/executions/none" },
    { id: "d", method: "GET", path: "/api/opportunities?limit=1" },
  ];
  const response = await fetch(`${alone.url}/api/batch`, {
    method: "POST",
    headers: { ...operator, ...asJson },
    body: JSON.stringify({ requests }),
  });
  const { data } = (await response.json()) as { data: { id: string; status: number; body: { success: boolean } }[] };
  expect([response.status, data.map(({ id, status, body }) => [id, status, body.success])]).toEqual([
    200,
    [
      ["a", 200, true],
      ["b", 202, true],
      ["c", 404, false],
      ["d", 200, true],
    ],
  ]);
  expect(first.executed).toEqual(["o-batch"]);
});
