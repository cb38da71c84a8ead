/** A stand-in of the Cloudflare API for what a deployment asks of it, with a memory: what was created is there, D1 runs SQL, a deployed version
 *  serves until another does. Every call is kept with its body, and a call it does not know fails the deployment. The shapes of the answers are
 *  those the API documents. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Pages } from "./pages.ts";
import { Resources } from "./resources.ts";
import { Versions } from "./versions.ts";
import { bodyOf, changes, notFound } from "./wire.ts";
import type { Answer, Call, Route } from "./wire.ts";

export class CloudflareStandIn {
  readonly calls: Call[] = [];
  readonly unknown: string[] = [];
  readonly resources = new Resources(() => this.#id());
  readonly versions = new Versions(() => this.#id());
  readonly pages = new Pages(() => this.#id());
  /** The next so many calls are answered 503. */
  busy = 0;
  readonly #server: Server;
  #ids = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response)).listen(0, "127.0.0.1");
  }

  static async start(): Promise<CloudflareStandIn> {
    const standIn = new CloudflareStandIn();
    await once(standIn.#server, "listening");
    return standIn;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}/client/v4`;
  }

  end(): void {
    for (const { sql } of this.resources.databases.values()) sql.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** What changed something since `from`, as `POST /queues`. */
  writes(from = 0): string[] {
    return this.calls
      .slice(from)
      .filter(changes)
      .map(({ method, path }) => `${method} ${path.split("?")[0]}`);
  }

  #id(): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(32, "0");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://stand-in");
    const path = url.pathname.replace("/client/v4", "").replace(/^\/accounts\/[0-9a-f]{32}/, "");
    const call: Call = {
      method: request.method ?? "GET",
      path: `${path}${url.search}`,
      authorization: request.headers.authorization ?? "",
      body: await bodyOf(request),
    };
    this.calls.push(call);
    const { status = 200, result = null, error, info = {} } = await this.#route(path, call, url.searchParams);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ success: error === undefined, errors: error === undefined ? [] : [error], messages: [], result, result_info: info }),
    );
  }

  #route(path: string, call: Call, search: URLSearchParams): Answer | Promise<Answer> {
    if (this.busy > 0) {
      this.busy -= 1;
      return { status: 503, error: { code: 10_013, message: "busy" } };
    }
    // Assets are uploaded with a token of their own, which the API gives out.
    if (call.authorization !== "Bearer stand-in-token" && !path.startsWith("/pages/assets/"))
      return { status: 403, error: { code: 10_000, message: "Authentication error" } };
    for (const [method, pattern, handler] of this.#routes) {
      const match = method === call.method ? pattern.exec(path) : null;
      if (match !== null) return handler(match, call, search);
    }
    this.unknown.push(`${call.method} ${path}`);
    return notFound(7_003, `the stand-in does not know ${call.method} ${path}`);
  }

  readonly #routes: readonly Route[] = [
    ["GET", /^\/(user|user\/tokens\/verify)$/, () => ({ result: { id: "u", email: "a@b.c", status: "active" } })],
    [
      "GET",
      /^\/(accounts|memberships)$/,
      () => ({ result: [{ id: "a".repeat(32), name: "x", account: { id: "a".repeat(32), name: "x" } }] }),
    ],
    ...this.resources.routes,
    ...this.versions.routes,
    ...this.pages.routes,
  ];
}
