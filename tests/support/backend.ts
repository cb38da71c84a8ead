/** A stand-in for the backend on Contabo, as a real HTTP server (UPSTREAM 2): answers every documented call, counts what it is asked, and can be
 *  slow, ill, silent, or dead. It remembers what it executed. By hand: `node tests/support/backend.ts 8081 failing`. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";

export const backendModes = [
  "well",
  /** Compresses what it answers, asked or not. */
  "compressing",
  /** Answers after `delayMs`. */
  "slow",
  /** Takes what it is sent and never answers. */
  "silent",
  /** 503, as a gateway before it would. */
  "failing",
  /** 500 with a page that shows its insides. */
  "broken",
  /** Every second answer is a 503. */
  "flapping",
  /** Never stops sending. */
  "huge",
  /** Sends its headers, half a body, and stops. */
  "stalling",
  /** To an address nobody outside should reach. */
  "redirecting",
  /** Does what it is asked and cuts the connection before it says so. */
  "cutting",
] as const;
export type BackendMode = (typeof backendModes)[number];

export interface BackendRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const insides =
  "<html><pre>Error: connect ECONNREFUSED db.internal:5432\n    at Pool.query (/srv/app/node_modules/pg/index.js:1:7)</pre></html>";
const mebibyte = Buffer.alloc(1_048_576, " ");

export class StandInBackend {
  mode: BackendMode = "well";
  delayMs = 0;
  readonly requests: BackendRequest[] = [];
  /** Opportunities it traded on, as often as it did. */
  readonly executed: string[] = [];
  #server: Server;
  readonly #port: number;
  #answered = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.#listen(server);
  }

  static async start(port = 0): Promise<StandInBackend> {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    return new StandInBackend(server);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How often this was asked: "GET /api/chains", without its query. */
  count(name: string): number {
    return this.requests.filter(({ method, url }) => `${method} ${url.split("?")[0]}` === name).length;
  }

  forget(): void {
    this.requests.length = 0;
    this.executed.length = 0;
  }

  /** Nobody listens at its port any more. */
  async die(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async revive(): Promise<void> {
    this.#server = createServer().listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#listen(this.#server);
  }

  #listen(server: Server): void {
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const body = Buffer.concat(await request.toArray()).toString();
    this.requests.push({ method, url, headers, body });
    const { mode } = this;
    if (mode === "silent") return;
    this.#answered += 1;
    const isAway = mode === "failing" || (mode === "flapping" && this.#answered % 2 === 1);
    if (isAway) return void response.writeHead(503, { "content-type": "text/html" }).end(insides);
    if (mode === "broken") return void response.writeHead(500, { "content-type": "text/html" }).end(insides);
    if (mode === "redirecting") return void response.writeHead(302, { location: `${this.url}/api/internal` }).end();
    if (mode === "huge") return await flood(response);
    if (mode === "stalling") return void response.writeHead(200, { "content-type": "application/json" }).write('{"success":tr');
    const [status, data] = this.#say(method, url, body);
    if (mode === "cutting") return void response.destroy();
    if (mode === "slow") await sleep(this.delayMs);
    const own = { "content-type": "application/json", "set-cookie": "session=theirs", server: "contabo" };
    if (mode === "compressing") response.writeHead(status, { ...own, "content-encoding": "gzip" }).end(gzipSync(data));
    else response.writeHead(status, own).end(data);
  }

  #say(method: string, url: string, body: string): [status: number, text: string] {
    const { pathname, searchParams } = new URL(url, this.url);
    const path = pathname.replace(/^\/api/, "");
    const trade = /^\/opportunities\/([^/]+)\/execute$/.exec(path)?.[1];
    if (method === "POST" && path === "/auth/login") return signIn(body);
    if (method === "POST" && trade !== undefined) {
      this.executed.push(trade);
      return said({ execution_id: `e-${this.executed.length}`, opportunity_id: trade, asked: JSON.parse(body) as unknown }, 202);
    }
    if (method === "PUT" && /^\/strategies\/[^/]+$/.test(path))
      return said({ strategy_id: path.split("/")[2], ...(JSON.parse(body) as object) });
    if (method !== "GET") return refused(405, "not so");
    if (path === "/executions/none") return refused(404, "no such execution\n    at find (/srv/app/executions.js:1:7)");
    return said({ path, query: Object.fromEntries(searchParams), wei: "1000209768293722043" });
  }
}

function said(data: unknown, status = 200): [number, string] {
  return [status, JSON.stringify({ success: true, data })];
}

function refused(status: number, message: string): [number, string] {
  return [status, JSON.stringify({ success: false, error: { code: "REFUSED", message, stack: "at secret.js" } })];
}

function signIn(body: string): [number, string] {
  const { password } = JSON.parse(body) as { password?: string };
  return password === "right" ? said({ token: "a.b.c" }) : refused(401, "wrong password");
}

async function flood(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  await pipeline(endless, response);
}

async function* endless(): AsyncGenerator<Buffer> {
  yield Buffer.from('{"success":true,"data":"');
  for (;;) yield mebibyte;
}

const [port, mode] = process.argv.slice(2);
if (import.meta.main && port !== undefined) {
  const backend = await StandInBackend.start(Number(port));
  backend.mode = backendModes.find((known) => known === mode) ?? "well";
  console.log(`${backend.url} is ${backend.mode}`);
}
