/** The few calls to Cloudflare's API that wrangler does not make in a form a program can read: list and create resources, look at deployments, set
 *  lifecycle rules. Everything else is wrangler's. */
import pRetry, { AbortError } from "p-retry";
import type { Account } from "./environment.ts";
import { keyOf, kinds } from "./resources.ts";
import type { Existing, Kind, Resource } from "./resources.ts";

const productionUrl = "https://api.cloudflare.com/client/v4";
const requestTimeoutMs = 30_000;
/** Together about fifteen seconds: longer than a hiccup, shorter than an operator's patience. */
const retries = 4;
const pageSize = 100;

export class ApiError extends Error {
  readonly status: number;

  constructor(what: string, status: number, reasons: readonly string[]) {
    super(`Cloudflare refused ${what}: ${status}${reasons.length > 0 ? ` ${reasons.join("; ")}` : ""}`);
    this.name = "ApiError";
    this.status = status;
  }
}

interface Envelope {
  readonly success?: boolean;
  readonly result?: unknown;
  readonly errors?: readonly { readonly code?: number; readonly message?: string }[];
  readonly result_info?: { readonly cursor?: string; readonly total_count?: number; readonly total_pages?: number };
}

interface Ask {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: unknown;
}

export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  readonly conditions: { readonly prefix: string };
  readonly abortMultipartUploadsTransition?: { readonly condition: { readonly type: "Age"; readonly maxAge: number } };
  readonly deleteObjectsTransition?: { readonly condition: { readonly type: "Age"; readonly maxAge: number } };
}

/** Where each kind lives, and what its name and id are called there. */
const places: Readonly<Record<Kind, { path: string; name: string; id: string; wrapped?: string; create: (name: string) => unknown }>> = {
  d1: { path: "/d1/database", name: "name", id: "uuid", create: (name) => ({ name, primary_location_hint: "weur" }) },
  kv: { path: "/storage/kv/namespaces", name: "title", id: "id", create: (title) => ({ title }) },
  r2: { path: "/r2/buckets", name: "name", id: "name", wrapped: "buckets", create: (name) => ({ name, locationHint: "weur" }) },
  queue: { path: "/queues", name: "queue_name", id: "queue_id", create: (queue_name) => ({ queue_name }) },
};

export class CloudflareApi {
  readonly #account: Account;
  readonly #baseUrl: string;

  /** CLOUDFLARE_API_BASE_URL is what wrangler reads as well. */
  constructor(account: Account, baseUrl: string = process.env["CLOUDFLARE_API_BASE_URL"] ?? productionUrl) {
    this.#account = account;
    this.#baseUrl = baseUrl;
  }

  /** Every resource of the account, by kind and name. */
  async existing(wanted: readonly Kind[] = kinds): Promise<Existing> {
    const found = await Promise.all(wanted.map((kind) => this.#list(kind)));
    return new Map(found.flat());
  }

  /** Answers its id. */
  async create({ kind, name }: Resource): Promise<string> {
    const { path, id, create } = places[kind];
    const { result } = await this.#ask({ method: "POST", path, body: create(name) });
    return text(result, id) ?? name;
  }

  /** Names of the migrations that wrangler recorded in a database. */
  async appliedMigrations(id: string): Promise<string[]> {
    const query = async (sql: string): Promise<unknown[]> => {
      const { result } = await this.#ask({ method: "POST", path: `/d1/database/${id}/query`, body: { sql } });
      const rows: unknown = Array.isArray(result) ? field(result[0], "results") : undefined;
      return Array.isArray(rows) ? rows : [];
    };
    const tables = await query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'");
    if (tables.length === 0) return [];
    return (await query("SELECT name FROM d1_migrations")).map((row) => text(row, "name") ?? "");
  }

  /** The version that serves all requests, and its tag; undefined when there is none. */
  async served(worker: string): Promise<{ readonly version: string; readonly tag: string | undefined } | undefined> {
    const script = `/workers/scripts/${worker}`;
    const { result } = await this.#ask({ method: "GET", path: `${script}/deployments` }, [404]);
    const deployments = field(result, "deployments");
    const versions = Array.isArray(deployments) ? field(deployments[0], "versions") : undefined;
    const version = Array.isArray(versions) && versions.length === 1 ? text(versions[0], "version_id") : undefined;
    if (version === undefined) return undefined;
    const known = await this.#ask({ method: "GET", path: `${script}/versions/${version}` }, [404]);
    return { version, tag: text(field(known.result, "annotations"), "workers/tag") };
  }

  /** `https://<worker>.<subdomain>.workers.dev`. */
  async workersDevUrl(worker: string): Promise<string> {
    const { result } = await this.#ask({ method: "GET", path: "/workers/subdomain" });
    return `https://${worker}.${text(result, "subdomain") ?? ""}.workers.dev`;
  }

  /** The commit that a Pages project serves in production. */
  async pagesCommit(project: string): Promise<{ readonly exists: boolean; readonly commit: string | undefined }> {
    const path = `/pages/projects/${project}/deployments?env=production`;
    const { result } = await this.#ask({ method: "GET", path }, [404]);
    const newest: unknown = Array.isArray(result) ? result[0] : undefined;
    const commit = text(field(field(newest, "deployment_trigger"), "metadata"), "commit_hash");
    return { exists: Array.isArray(result), commit };
  }

  async lifecycle(bucket: string): Promise<unknown> {
    const { result } = await this.#ask({ method: "GET", path: `/r2/buckets/${bucket}/lifecycle` });
    return field(result, "rules");
  }

  async setLifecycle(bucket: string, rules: readonly LifecycleRule[]): Promise<void> {
    await this.#ask({ method: "PUT", path: `/r2/buckets/${bucket}/lifecycle`, body: { rules } });
  }

  async #list(kind: Kind): Promise<(readonly [string, string])[]> {
    const { path, name, id, wrapped } = places[kind];
    const found: (readonly [string, string])[] = [];
    for (let page = 1, cursor = ""; ; page += 1) {
      const query = new URLSearchParams({ page: `${page}`, per_page: `${pageSize}`, ...(cursor === "" ? {} : { cursor }) });
      const { result, result_info } = await this.#ask({ method: "GET", path: `${path}?${query}` });
      const items: unknown = wrapped === undefined ? result : field(result, wrapped);
      if (!Array.isArray(items)) throw new ApiError(`to list ${kind}`, 200, ["an answer without a list"]);
      for (const item of items as unknown[]) found.push([keyOf({ kind, name: text(item, name) ?? "" }), text(item, id) ?? ""]);
      cursor = result_info?.cursor ?? "";
      const total = result_info?.total_count ?? found.length;
      if (items.length === 0 || (cursor === "" && (found.length >= total || items.length < pageSize))) return found;
    }
  }

  /** Tried again when Cloudflare is busy; a create that came through after all then says that the name is taken, and the next run finds it. */
  #ask(ask: Ask, absent: readonly number[] = []): Promise<Envelope> {
    return pRetry(() => this.#askOnce(ask, absent), { retries, minTimeout: 500, randomize: true });
  }

  async #askOnce({ method, path, body }: Ask, absent: readonly number[]): Promise<Envelope> {
    const response = await fetch(`${this.#baseUrl}/accounts/${this.#account.id}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#account.apiToken}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const envelope = (await response.json().catch(() => ({}))) as Envelope;
    if (response.ok && envelope.success !== false) return envelope;
    if (absent.includes(response.status)) return {};
    const reasons = (envelope.errors ?? []).map(({ code, message }) => `${message ?? ""} (${code ?? ""})`);
    const error = new ApiError(`${method} ${path}`, response.status, reasons);
    if (response.status === 429 || response.status >= 500) throw error;
    throw new AbortError(error);
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === "string" ? found : undefined;
}
