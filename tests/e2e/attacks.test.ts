/** What an attacker sends, over the line to the running edge with a backend behind it: smuggled requests, split headers, paths that climb, addresses
 *  of others, poisoned caches, open redirects. Nothing but what the table of routes names reaches the backend, and the next reader is never served
 *  what an attacker made. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EdgeProcess, freshState } from "./edge-process.ts";

const jwtSecret = "jwt-secret-of-this-test-that-is-long-enough";
const opsKey = "ops-key-of-this-test-0001";
const backendToken = "backend-token-of-this-test";

let edge: EdgeProcess;
let backend: Server;
let other: Server;
/** `GET /api/opportunities?limit=1`, of every request that reached them. */
const reached: string[] = [];
const strangers: string[] = [];
let heard: IncomingMessage["headers"][] = [];
let redirectTo: string | undefined;

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

let otherUrl = "";
let token = "";
beforeAll(async () => {
  other = createHttpServer((request, response) => {
    strangers.push(`${request.method} ${request.url}`);
    response.end("secret of another host");
  });
  otherUrl = await listen(other);
  backend = createHttpServer((request, response) => {
    reached.push(`${request.method} ${request.url}`);
    heard.push(request.headers);
    response.setHeader("content-type", "application/json");
    if (redirectTo !== undefined) response.writeHead(302, { location: redirectTo });
    response.end(JSON.stringify({ success: true, data: [{ served: reached.length }] }));
  });
  const backendUrl = await listen(backend);
  const variables = {
    CONTABO_BACKEND_URL: backendUrl,
    BACKEND_AUTH_TOKEN: backendToken,
    JWT_SECRET: jwtSecret,
    OPS_API_KEY: opsKey,
    RATE_LIMIT_REQUESTS: "1000000",
    PUBLIC_CHANNELS: "",
  };
  const args = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}=${value}`]);
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState(), ...args])).healthy();
  token = await new SignJWT({ sub: "reader", role: "trader" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("arbitragex-edge")
    .setAudience("arbitragex-edge")
    .setExpirationTime("10m")
    .sign(new TextEncoder().encode(jwtSecret));
});
afterAll(async () => {
  for (const server of [backend, other]) {
    server.closeAllConnections();
    server.close();
  }
  await edge.end("SIGTERM");
});
beforeEach(() => {
  reached.length = 0;
  strangers.length = 0;
  heard = [];
  redirectTo = undefined;
});

let callers = 0;
/** Each call is another client's: who attacks again and again is shut out, and this test is about the attack. */
function caller(): string {
  callers += 1;
  return `198.18.${callers >> 8}.${callers & 255}`;
}

/** Bytes as they are; answers all that came within a second of silence. */
async function send(text: string): Promise<string> {
  const socket = connect(edge.port, "127.0.0.1");
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (chunk) => (answer += String(chunk)));
  socket.on("error", () => undefined);
  socket.write(text.replaceAll("\n", "\r\n").replaceAll("{cr}{lf}", "\r\n"), "latin1");
  await new Promise<void>((resolve) => {
    let timer = setTimeout(resolve, 1_000);
    socket.on("data", () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, 300);
    });
    socket.on("close", () => resolve());
  });
  socket.destroy();
  return answer;
}

function statuses(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

async function ask(path: string, headers: Readonly<Record<string, string>> = {}, init: RequestInit = {}): Promise<Asked> {
  const response = await fetch(`${edge.url}${path}`, {
    redirect: "manual",
    ...init,
    headers: { authorization: `Bearer ${token}`, "cf-connecting-ip": caller(), ...headers },
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** As it stands, without a client that tidies the path up. */
async function askPath(path: string): Promise<string> {
  return send(`GET ${path} HTTP/1.1\nHost: edge\nAuthorization: Bearer ${token}\nCF-Connecting-IP: ${caller()}\nConnection: close\n\n`);
}

describe("request smuggling", () => {
  const smuggled = "GET /api/proxy/strategies HTTP/1.1\nHost: edge\nX-API-Key: smuggled\n\n";
  const head = (): string => `Host: edge\nCF-Connecting-IP: ${caller()}\n`;

  it.each([
    ["Content-Length and Transfer-Encoding", `Content-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n${smuggled}`],
    ["two lengths that differ", `Content-Length: 0\nContent-Length: ${smuggled.length}\n\n${smuggled}`],
    ["a coding nobody knows", `Transfer-Encoding: xchunked\n\n0\n\n${smuggled}`],
    ["a coding with a space before its colon", `Transfer-Encoding : chunked\nContent-Length: 4\n\n0\n\n${smuggled}`],
    ["a length that is no number", `Content-Length: +4\n\nabcd${smuggled}`],
  ])("%s: nothing reaches the backend, and no second answer is a success", async (_, rest) => {
    const answer = await send(`POST /api/events HTTP/1.1\n${head()}${rest}`);
    expect(reached).toEqual([]);
    for (const status of statuses(answer)) expect(status).toBeGreaterThanOrEqual(400);
  });
});

describe("header injection", () => {
  it.each([
    "/nowhere%0d%0aset-cookie:%20a=b",
    "/assets/a%0d%0aset-cookie:%20a=b",
    "/docs?x=%0d%0aset-cookie:%20a=b",
    "/ws/%0d%0aset-cookie:%20a=b",
  ])("%s makes no header", async (path) => {
    const answer = await askPath(path);
    const [head = ""] = answer.split("\r\n\r\n");
    expect(head.toLowerCase()).not.toContain("set-cookie");
  });

  it("echoes no request id that is not harmless", async () => {
    const { headers } = await ask("/nowhere", { "x-request-id": "a b<script>" });
    expect(headers.get("x-request-id")).toMatch(/^[\w-]+$/);
  });
});

describe("paths that climb", () => {
  it.each([
    "/api/proxy/../../admin",
    "/api/proxy/opportunities/../../../admin",
    "/api/proxy/%2e%2e/%2e%2e/admin",
    "/api/proxy/..%2f..%2fadmin",
    "/api/proxy/opportunities/%252e%252e%252fadmin",
    String.raw`/api/proxy/..\..\admin`,
    "/api/proxy/opportunities/..;/admin",
    "/api/proxy/opportunities%00/execute",
    "/api/proxy//admin",
  ])("%s does not leave the backend's table of routes", async (path) => {
    const answer = await askPath(path);
    expect(reached.filter((line) => line.includes("admin") || line.includes(".."))).toEqual([]);
    expect(statuses(answer).every((status) => status >= 400)).toBe(true);
  });

  it.each(["/assets/../ops/config", "/assets/..%2f..%2fops%2fconfig", "/assets/%2e%2e/ops/config", String.raw`/assets/..\ops\config`])(
    "%s does not leave the assets",
    async (path) => {
      const answer = await askPath(path);
      expect(statuses(answer).every((status) => status >= 400)).toBe(true);
      expect(answer).not.toContain(opsKey);
    },
  );
});

describe("the address of another host", () => {
  const hosts = (): string[] => {
    const { host } = new URL(otherUrl);
    return [
      `/api/proxy//${host}/secret`,
      `/api/proxy/@${host}/secret`,
      `/api/proxy/%2f%2f${host}/secret`,
      `/api/proxy/${otherUrl}/secret`,
      `/api/proxy/${encodeURIComponent(otherUrl)}`,
      String.raw`/api/proxy/\\${host}\secret`,
      `/api/proxy/opportunities/@${host}`,
      `/api/proxy/opportunities/${encodeURIComponent(`x@${host}/`)}`,
      `${otherUrl}/secret`,
      `/api/proxy/opportunities?url=${encodeURIComponent(otherUrl)}`,
    ];
  };

  it("is never asked, in whatever spelling it comes", async () => {
    for (const path of hosts()) expect(await askPath(path), path).not.toContain("secret of another host");
    expect(strangers).toEqual([]);
    for (const line of reached) expect(line).not.toMatch(/\/\/|secret/);
  });

  it("is not where the answer to any path leads", async () => {
    for (const path of [
      "//evil.example",
      "/%2fevil.example",
      String.raw`/\evil.example`,
      "/docs//evil.example",
      "/?next=https://evil.example",
    ]) {
      const answer = await askPath(path);
      expect(/^location:/im.exec(answer), path).toBeNull();
    }
  });
});

describe("the backend's credentials", () => {
  it("are the edge's own: a caller's never reach it, and its never reach a caller", async () => {
    const answer = await ask("/api/proxy/strategies", {
      cookie: "session=1",
      "x-api-key": "callers-own",
      "x-forwarded-for": "127.0.0.1",
      "x-original-url": "/admin",
      "x-forwarded-host": "evil.example",
    });
    expect(answer.status).toBe(200);
    const [headers] = heard;
    expect(headers?.authorization).toBe(`Bearer ${backendToken}`);
    for (const name of ["cookie", "x-original-url", "x-forwarded-host"]) expect(headers?.[name], name).toBeUndefined();
    expect(JSON.stringify(headers)).not.toMatch(/callers-own|eyJ/);
    expect(JSON.stringify([...answer.headers])).not.toContain(backendToken);
  });
});

describe("a poisoned cache", () => {
  it.each([
    ["x-forwarded-host", "evil.example"],
    ["x-original-url", "/api/proxy/executions"],
    ["x-rewrite-url", "/admin"],
    ["x-http-method-override", "POST"],
    ["accept", "text/html<script>"],
    ["origin", "https://evil.example"],
  ])("is not made by %s, which is in no key", async (name, value) => {
    const path = `/api/proxy/analytics/health`;
    const first = await ask(path, { [name]: value });
    const second = await ask(path);
    expect(second.status).toBe(200);
    expect(`${second.body}${JSON.stringify([...second.headers])}`).not.toContain(value);
    expect(first.headers.get("access-control-allow-origin")).toBeNull();
    expect(second.headers.get("vary")?.toLowerCase()).toContain("origin");
    for (const line of reached) expect(line).toBe("GET /api/analytics/health");
  });

  it("is not made by a parameter that is cloaked, repeated or unknown", async () => {
    for (const query of ["limit=1;chain=evil", "limit=1&limit=2", "utm_content=x", "limit=1%26chain=evil", "%6cimit=1&__proto__[x]=1"]) {
      expect((await ask(`/api/proxy/opportunities?${query}`)).status, query).toBe(400);
    }
    expect(reached).toEqual([]);
  });

  it("is not made by a body with a GET", async () => {
    const body = '{"chain":"evil"}';
    const head = `Host: edge\nAuthorization: Bearer ${token}\nCF-Connecting-IP: ${caller()}\nContent-Length: ${body.length}\nConnection: close`;
    await send(`GET /api/proxy/chains HTTP/1.1\n${head}\n\n${body}`);
    expect((await ask("/api/proxy/chains")).body).not.toContain("evil");
  });

  it("serves nobody what somebody else may see", async () => {
    expect((await ask("/api/proxy/strategies")).status).toBe(200);
    expect((await ask("/api/proxy/strategies", { authorization: "" })).status).toBe(401);
    expect((await ask("/api/proxy/strategies", { authorization: "Bearer forged.token.here" })).status).toBe(401);
  });
});

// At the end: what fails this often is left alone for a while.
describe("a backend that was taken over", () => {
  it("leads the edge nowhere, and no caller either", async () => {
    for (const location of [`${otherUrl}/secret`, "http://169.254.169.254/latest/meta-data", "//127.0.0.1/secret", "/api/admin"]) {
      redirectTo = location;
      // Of its own, so that no cache answers.
      const answer = await ask(`/api/proxy/executions/${encodeURIComponent(location).replaceAll("%", "").slice(0, 40)}`);
      expect(answer.status, location).toBeGreaterThanOrEqual(500);
      expect(answer.headers.get("location")).toBeNull();
      expect(answer.body).not.toContain("secret of another host");
    }
    expect(strangers).toEqual([]);
    expect(reached).not.toContain("GET /api/admin");
  });
});
