/** A stand-in of the Cloudflare API for what a deployment asks of it, with a memory: what was created is there, D1 runs SQL, a deployed version
 *  serves until another does. Every call is kept with its body, and a call it does not know fails the deployment. The shapes of the answers are
 *  those the API documents. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { DatabaseSync } from "node:sqlite";

export interface Call {
  readonly method: string;
  /** Below the account. */
  readonly path: string;
  readonly authorization: string;
  /** Parsed where it is JSON; the parts by name where it is a form. */
  readonly body: unknown;
}

interface Version {
  readonly id: string;
  readonly tag: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly status?: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
  readonly info?: Readonly<Record<string, unknown>>;
}

type Handler = (match: RegExpExecArray, call: Call, search: URLSearchParams) => Answer | Promise<Answer>;

const notFound = (code: number, message: string): Answer => ({ status: 404, error: { code, message } });

export class CloudflareStandIn {
  readonly calls: Call[] = [];
  readonly unknown: string[] = [];
  readonly databases = new Map<string, { readonly name: string; readonly sql: DatabaseSync }>();
  readonly namespaces = new Map<string, string>();
  readonly buckets = new Map<string, unknown>();
  readonly queues = new Map<string, { readonly name: string; readonly consumers: Record<string, unknown>[] }>();
  readonly versions: Version[] = [];
  readonly secrets = new Set<string>();
  readonly workflows = new Set<string>();
  readonly pages = new Map<string, { readonly id: string; readonly commit: string; readonly form: Readonly<Record<string, string>> }[]>();
  served: string | undefined;
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
    for (const { sql } of this.databases.values()) sql.close();
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

  readonly #routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
    ["GET", /^\/(user|user\/tokens\/verify)$/, () => ({ result: { id: "u", email: "a@b.c", status: "active" } })],
    [
      "GET",
      /^\/(accounts|memberships)$/,
      () => ({ result: [{ id: "a".repeat(32), name: "x", account: { id: "a".repeat(32), name: "x" } }] }),
    ],
    [
      "GET",
      /^\/d1\/database$/,
      (_, __, search) =>
        this.#page(
          [...this.databases].map(([uuid, { name }]) => ({ uuid, name })),
          search,
        ),
    ],
    ["POST", /^\/d1\/database$/, (_, { body }) => this.#createDatabase(nameOf(body, "name"))],
    [
      "GET",
      /^\/d1\/database\/([^/]+)$/,
      ([, id = ""]) => this.#database(id, ({ name }) => ({ result: { uuid: id, name, version: "production" } })),
    ],
    [
      "POST",
      /^\/d1\/database\/([^/]+)\/query$/,
      ([, id = ""], { body }) => this.#database(id, ({ sql }) => ({ result: runSql(sql, body) })),
    ],
    [
      "GET",
      /^\/storage\/kv\/namespaces$/,
      (_, __, search) =>
        this.#page(
          [...this.namespaces].map(([id, title]) => ({ id, title })),
          search,
        ),
    ],
    ["POST", /^\/storage\/kv\/namespaces$/, (_, { body }) => this.#createNamespace(nameOf(body, "title"))],
    ["GET", /^\/r2\/buckets$/, () => ({ result: { buckets: [...this.buckets.keys()].map((name) => ({ name })) } })],
    ["POST", /^\/r2\/buckets$/, (_, { body }) => this.#createBucket(nameOf(body, "name"))],
    [
      "GET",
      /^\/r2\/buckets\/([^/]+)$/,
      ([, name = ""]) => (this.buckets.has(name) ? { result: { name } } : notFound(10_006, "no such bucket")),
    ],
    ["GET", /^\/r2\/buckets\/([^/]+)\/lifecycle$/, ([, name = ""]) => ({ result: this.buckets.get(name) ?? { rules: [] } })],
    ["PUT", /^\/r2\/buckets\/([^/]+)\/lifecycle$/, ([, name = ""], { body }) => (this.buckets.set(name, body), {})],
    ["GET", /^\/queues$/, (_, __, search) => this.#listQueues(search)],
    ["POST", /^\/queues$/, (_, { body }) => this.#createQueue(nameOf(body, "queue_name"))],
    ["GET", /^\/queues\/([^/]+)\/consumers$/, ([, id = ""]) => ({ result: this.queues.get(id)?.consumers ?? [] })],
    ["POST", /^\/queues\/([^/]+)\/consumers$/, ([, id = ""], { body }) => this.#consume(id, body)],
    ["PUT", /^\/queues\/([^/]+)\/consumers\/([^/]+)$/, (_, { body }) => ({ result: body })],
    ["GET", /^\/workers\/subdomain$/, () => ({ result: { subdomain: "stand-in" } })],
    [
      "GET",
      /^\/workers\/services\/([^/]+)$/,
      ([, id]) => this.#worker({ id, default_environment: { environment: "production", script: { last_deployed_from: "wrangler" } } }),
    ],
    [
      "GET",
      /^\/workers\/workers\/([^/]+)$/,
      ([, id]) =>
        this.#worker({ id, name: id, subdomain: { enabled: true, previews_enabled: false }, observability: { enabled: true }, tags: [] }),
    ],
    ["GET", /^\/workers\/scripts$/, () => ({ result: [] })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/(settings|script-settings)$/, () => this.#worker({ bindings: [], migration_tag: null })],
    ["PATCH", /^\/workers\/scripts\/([^/]+)\/(settings|script-settings)$/, () => ({ result: {} })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/secrets$/, () => ({ result: [...this.secrets].map((name) => ({ name, type: "secret_text" })) })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/deployments$/, () => this.#worker({ deployments: this.#deployments() })],
    ["POST", /^\/workers\/scripts\/([^/]+)\/deployments$/, (_, { body }) => this.#deploy(body)],
    ["GET", /^\/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/, ([, , id = ""]) => this.#version(id)],
    ["GET", /^\/workers\/scripts\/([^/]+)\/versions$/, () => ({ result: { items: this.versions.map((version) => describe(version)) } })],
    ["POST", /^\/workers\/scripts\/([^/]+)\/versions$/, (_, { body }) => this.#upload(body, false)],
    ["PUT", /^\/workers\/scripts\/([^/]+)$/, (_, { body }) => this.#upload(body, true)],
    ["GET", /^\/workers\/scripts\/([^/]+)\/subdomain$/, () => ({ result: { enabled: true, previews_enabled: false } })],
    ["POST", /^\/workers\/scripts\/([^/]+)\/subdomain$/, () => ({ result: { enabled: true, previews_enabled: false } })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/schedules$/, () => ({ result: { schedules: [] } })],
    ["PUT", /^\/workers\/scripts\/([^/]+)\/schedules$/, () => ({ result: { schedules: [] } })],
    [
      "POST",
      /^\/pages\/projects$/,
      (_, { body }) => (this.pages.set(nameOf(body, "name"), []), { result: pagesProject(nameOf(body, "name")) }),
    ],
    [
      "GET",
      /^\/pages\/projects\/([^/]+)$/,
      ([, name = ""]) => (this.pages.has(name) ? { result: pagesProject(name) } : notFound(8_000_007, "no such project")),
    ],
    ["GET", /^\/pages\/projects\/([^/]+)\/upload-token$/, () => ({ result: { jwt: uploadToken } })],
    ["POST", /^\/pages\/assets\/(check-missing|upload|upsert-hashes)$/, () => ({ result: [] })],
    ["GET", /^\/pages\/projects\/([^/]+)\/deployments$/, ([, name = ""]) => this.#pagesDeployments(name)],
    ["POST", /^\/pages\/projects\/([^/]+)\/deployments$/, ([, name = ""], { body }) => this.#deployPages(name, body)],
    ["GET", /^\/pages\/projects\/([^/]+)\/deployments\/([^/]+)$/, ([, , id = ""]) => ({ result: pagesDeployment(id, "") })],
    [
      "GET",
      /^\/workflows\/([^/]+)$/,
      ([, name = ""]) => (this.workflows.has(name) ? { result: { id: name, name } } : notFound(10_200, "workflow not found")),
    ],
    ["PUT", /^\/workflows\/([^/]+)$/, ([, name = ""]) => (this.workflows.add(name), { result: { id: name, version_id: "v" } })],
  ];

  #pagesDeployments(name: string): Answer {
    const deployments = this.pages.get(name);
    if (deployments === undefined) return notFound(8_000_007, "Project not found");
    return { result: deployments.map(({ id, commit }) => pagesDeployment(id, commit)).toReversed() };
  }

  #deployPages(name: string, body: unknown): Answer {
    const form = body as Readonly<Record<string, string>>;
    const deployment = { id: this.#id(), commit: form["commit_hash"] ?? "", form };
    this.pages.get(name)?.push(deployment);
    return { result: pagesDeployment(deployment.id, deployment.commit) };
  }

  #page(items: readonly unknown[], search: URLSearchParams): Answer {
    const [page, size] = [Number(search.get("page") ?? 1), Number(search.get("per_page") ?? 20)];
    const wanted = search.get("name");
    const named = wanted === null ? items : items.filter((item) => (item as { name?: string }).name === wanted);
    return {
      result: named.slice((page - 1) * size, page * size),
      info: { page, per_page: size, total_count: named.length, count: named.length },
    };
  }

  #createDatabase(name: string): Answer {
    if ([...this.databases.values()].some((database) => database.name === name))
      return { status: 400, error: { code: 7_502, message: "exists" } };
    const uuid = this.#id().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    this.databases.set(uuid, { name, sql: new DatabaseSync(":memory:") });
    return { result: { uuid, name } };
  }

  #database(id: string, answer: (database: { readonly name: string; readonly sql: DatabaseSync }) => Answer): Answer {
    const database = this.databases.get(id);
    return database === undefined ? notFound(7_404, "The database could not be found") : answer(database);
  }

  #createNamespace(title: string): Answer {
    if ([...this.namespaces.values()].includes(title)) return { status: 400, error: { code: 10_014, message: "exists" } };
    const id = this.#id();
    this.namespaces.set(id, title);
    return { result: { id, title } };
  }

  #createBucket(name: string): Answer {
    if (this.buckets.has(name)) return { status: 409, error: { code: 10_004, message: "exists" } };
    this.buckets.set(name, { rules: [] });
    return { result: { name } };
  }

  #listQueues(search: URLSearchParams): Answer {
    const name = search.get("name");
    const found = [...this.queues].filter(([, queue]) => name === null || queue.name === name);
    return this.#page(
      found.map(([queue_id, queue]) => ({ queue_id, queue_name: queue.name, producers: [], consumers: queue.consumers })),
      new URLSearchParams({ per_page: "100" }),
    );
  }

  #createQueue(name: string): Answer {
    if ([...this.queues.values()].some((queue) => queue.name === name)) return { status: 409, error: { code: 11_009, message: "exists" } };
    const queue_id = this.#id();
    this.queues.set(queue_id, { name, consumers: [] });
    return { result: { queue_id, queue_name: name } };
  }

  #consume(id: string, body: unknown): Answer {
    const consumer = { consumer_id: this.#id(), type: "worker", ...(body as object) };
    this.queues.get(id)?.consumers.push(consumer);
    return { result: consumer };
  }

  #worker(result: unknown): Answer {
    return this.versions.length === 0 ? notFound(10_007, "This Worker does not exist on your account.") : { result };
  }

  #deployments(): unknown[] {
    return this.served === undefined ? [] : [{ id: "d", strategy: "percentage", versions: [{ version_id: this.served, percentage: 100 }] }];
  }

  #deploy(body: unknown): Answer {
    const { versions } = body as { versions: { version_id: string }[] };
    this.served = versions[0]?.version_id;
    return { result: { id: this.#id() } };
  }

  #version(id: string): Answer {
    const version = this.versions.find((each) => each.id === id);
    return version === undefined ? notFound(10_002, "no such version") : { result: describe(version) };
  }

  #upload(body: unknown, serves: boolean): Answer {
    const form = body as Readonly<Record<string, string>>;
    const metadata = JSON.parse(form["metadata"] ?? "{}") as Record<string, unknown>;
    const annotations = metadata["annotations"] as Record<string, string> | undefined;
    const version: Version = {
      id: this.#id().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
      tag: annotations?.["workers/tag"],
      metadata,
    };
    this.versions.push(version);
    for (const binding of (metadata["bindings"] ?? []) as { type: string; name: string }[])
      if (binding.type === "secret_text") this.secrets.add(binding.name);
    if (serves) this.served = version.id;
    return { result: { id: version.id, deployment_id: version.id, entry_point: "worker.js", startup_time_ms: 5, ...describe(version) } };
  }
}

/** A JWT whose only claim is that it has not expired. */
const uploadToken = `e30.${Buffer.from(JSON.stringify({ exp: 4_102_444_800 })).toString("base64url")}.x`;

function pagesProject(name: string): Record<string, unknown> {
  return { name, subdomain: `${name}.pages.dev`, production_branch: "main", deployment_configs: { production: {}, preview: {} } };
}

function pagesDeployment(id: string, commit: string): Record<string, unknown> {
  return {
    id,
    url: "https://x.pages.dev",
    environment: "production",
    latest_stage: { name: "deploy", status: "success" },
    deployment_trigger: { type: "ad_hoc", metadata: { commit_hash: commit } },
  };
}

/** A D1 query reads unless its SQL writes. */
function changes({ method, path, body }: Call): boolean {
  if (method === "GET") return false;
  return (
    !path.endsWith("/query") ||
    (!/^\s*(SELECT|PRAGMA)/i.test((body as { sql?: string }).sql ?? "") && !/IF NOT EXISTS/i.test((body as { sql?: string }).sql ?? ""))
  );
}

function describe({ id, tag, metadata }: Version): Record<string, unknown> {
  return {
    id,
    number: 1,
    metadata: {},
    annotations: tag === undefined ? {} : { "workers/tag": tag },
    resources: { script: {}, script_runtime: {}, bindings: metadata["bindings"] ?? [] },
  };
}

function nameOf(body: unknown, field: string): string {
  const name = (body as Record<string, unknown>)[field];
  if (typeof name !== "string") throw new Error(`a body without ${field}`);
  return name;
}

function runSql(sql: DatabaseSync, body: unknown): unknown {
  const { sql: text, params = [] } = body as { sql: string; params?: (string | number)[] };
  const results: unknown[] = [];
  if (params.length === 0 && text.includes(";")) sql.exec(text);
  else results.push(...sql.prepare(text).all(...params));
  if (/^\s*SELECT/i.test(text) && params.length === 0 && text.includes(";")) results.push(...sql.prepare(text.replace(/;\s*$/, "")).all());
  return [{ results, success: true, meta: { duration: 0, changes: 0, rows_read: 0, rows_written: 0, served_by: "stand-in" } }];
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const type = request.headers["content-type"] ?? "";
  if (type.includes("multipart/form-data")) return formOf(bytes, type);
  if (bytes.length === 0) return undefined;
  const text = bytes.toString("utf8");
  // wrangler does not always say that it sends JSON.
  return /^[{[]/.test(text) ? JSON.parse(text) : text;
}

async function formOf(bytes: Buffer, type: string): Promise<Record<string, string>> {
  const form = await new Response(new Uint8Array(bytes), { headers: { "content-type": type } }).formData();
  const parts = [...form].map(async ([name, value]) => [name, typeof value === "string" ? value : await value.text()] as const);
  return Object.fromEntries(await Promise.all(parts));
}
