/** The stand-in Contabo's own API (UPSTREAM 2), so that /api/proxy has somebody to ask: tells the newest state of what it has posted, and takes
 *  changes into its memory. It trades with nobody. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EdgeEvent } from "../schemas/event.ts";

type Data = Readonly<Record<string, unknown>>;

/** Newest last. Older ones are forgotten: the recordings hold tens of thousands. */
const keptMax = 2_000;
const limitDefault = 100;
const kinds = { opportunity: "opportunity_id", execution: "execution_id", strategy: "strategy_id" } as const;
type Kind = keyof typeof kinds;

class Answer extends Error {
  readonly status: number;
  readonly data: unknown;

  constructor(status: number, data: unknown) {
    super(String(status));
    this.status = status;
    this.data = data;
  }
}

export class ContaboApi {
  readonly #server: Server;
  readonly #kept: Readonly<Record<Kind, Map<string, Data>>> = { opportunity: new Map(), execution: new Map(), strategy: new Map() };

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<ContaboApi> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ContaboApi(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  saw(events: readonly EdgeEvent[]): void {
    for (const { type, data } of events) {
      const kind = type.split(".")[0] as Kind;
      if (Object.hasOwn(kinds, kind)) this.#keep(kind, data as Data);
    }
  }

  #keep(kind: Kind, data: Data): Data {
    const kept = this.#kept[kind];
    const id = String(data[kinds[kind]]);
    kept.delete(id);
    kept.set(id, data);
    const [oldest] = kept.keys();
    if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
    return data;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString();
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const [status, body] = this.#say(`${request.method} ${pathname.replace(/^\/api/, "")}`, searchParams, text);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  #say(asked: string, query: URLSearchParams, text: string): [status: number, body: object] {
    try {
      return [200, { success: true, data: this.#dataOf(asked, query, text) }];
    } catch (error) {
      if (!(error instanceof Answer)) return [400, { success: false, error: { code: "BAD_REQUEST", message: "not understood" } }];
      if (error.status < 300) return [error.status, { success: true, data: error.data }];
      return [error.status, { success: false, error: { code: "REFUSED", message: error.data } }];
    }
  }

  #dataOf(asked: string, query: URLSearchParams, text: string): unknown {
    const { opportunity, execution, strategy } = this.#kept;
    const [, path = "", id = ""] = /^(\w+ \/(?:[a-z]+))\/([^/]+)/.exec(asked) ?? [];
    if (asked === "GET /health" || asked === "GET /analytics/health") return { status: "healthy" };
    if (asked === "GET /opportunities") return listOf(opportunity, query, { chain: "chain", status: "execution_status" });
    if (asked === "GET /executions") return listOf(execution, query, { status: "status", strategy_id: "strategy_id" });
    if (asked === "GET /strategies") return listOf(strategy, query, { active: "is_active" });
    if (asked === "GET /chains") return [...new Set([...opportunity.values()].map(({ chain }) => chain))];
    if (asked === "GET /analytics/performance") return performanceOf([...execution.values()]);
    if (path === "GET /executions") return execution.get(id) ?? refuse(404, "no such execution");
    if (path === "GET /chains" && asked.endsWith("/config")) return { chain: id, confirmation_blocks: 1 };
    if (path === "PUT /strategies") return this.#keep("strategy", { ...strategy.get(id), ...(JSON.parse(text) as Data), strategy_id: id });
    if (path === "POST /opportunities" && asked.endsWith("/execute")) return this.#execute(id, JSON.parse(text) as Data);
    if (asked === "POST /auth/login") return refuse(401, "the stand-in knows nobody: tokens come from /security/token");
    return refuse(404, "there is nothing here");
  }

  #execute(opportunityId: string, { strategy_id }: Data): never {
    const chain = this.#kept.opportunity.get(opportunityId)?.["chain"];
    if (chain === undefined) return refuse(404, "no such opportunity");
    const created_at = new Date().toISOString();
    const ids = { execution_id: `demo-${this.#kept.execution.size + 1}-${opportunityId}`, opportunity_id: opportunityId, strategy_id };
    throw new Answer(202, this.#keep("execution", { ...ids, chain, status: "pending", created_at }));
  }
}

function refuse(status: number, message: string): never {
  throw new Answer(status, message);
}

/** `fields`: which field each parameter is compared with. */
function listOf(kept: ReadonlyMap<string, Data>, query: URLSearchParams, fields: Readonly<Record<string, string>>): Data[] {
  const wanted = Object.entries(fields).filter(([name]) => query.has(name));
  const found = [...kept.values()].filter((data) => wanted.every(([name, field]) => String(data[field]) === query.get(name)));
  return found.toReversed().slice(0, Number(query.get("limit") ?? limitDefault));
}

function performanceOf(executions: readonly Data[]): object {
  const succeeded = executions.filter(({ status }) => status === "confirmed").length;
  return { total_executions: executions.length, success_rate: executions.length === 0 ? 0 : succeeded / executions.length };
}
