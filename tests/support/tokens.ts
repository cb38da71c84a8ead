/** Mints, refreshes and ends tokens as clients do, by a clock that a test sets. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { renderError } from "../../gateway/middleware/errors.ts";
import { requestId, type GatewayEnv } from "../../gateway/middleware/request-id.ts";
import { opsRoutes } from "../../gateway/routes/ops.ts";
import { securityRoutes } from "../../gateway/routes/security.ts";
import type { SecurityDeps } from "../../gateway/routes/security-deps.ts";
import type { Revocation } from "../../schemas/revocation.ts";

export const operatorKey = { "x-api-key": env.OPS_API_KEY };

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Record<string, unknown>;
  readonly error: { readonly code: string; readonly message: string; readonly details?: Record<string, unknown> } | undefined;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text goes as it is. */
  readonly body?: unknown;
}

export interface Issued {
  readonly access: string;
  readonly refresh: string;
  readonly sessionId: string;
}

export class TokenEdge {
  nowMs = Date.now();
  readonly told: Revocation[] = [];
  readonly #app = new Hono<GatewayEnv>();
  readonly #env: Env;

  constructor(variables: Readonly<Record<string, unknown>> = {}, bindings: Env = env) {
    // A copy of its own: what an isolate remembers, it remembers by its environment.
    this.#env = { ...bindings, ...variables };
    const clock = (): number => this.nowMs;
    const tell: SecurityDeps["tell"] = async (_, revocation) => {
      this.told.push(revocation);
      return { closed: 1, unreached: [] };
    };
    this.#app.onError(renderError);
    this.#app.use(requestId);
    this.#app.route("/", securityRoutes({ clock, tell })).route("/", opsRoutes(clock));
  }

  async ask(path: string, { method = "POST", headers = {}, body }: Asking = {}): Promise<TokenAnswer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const typed = body === undefined ? headers : { "content-type": "application/json", ...headers };
    const context = createExecutionContext();
    const init: RequestInit = { method, headers: typed, ...(body === undefined ? {} : { body: text }) };
    const response = await this.#app.request(path, init, this.#env, context);
    const answer = (await response.json()) as { data?: Record<string, unknown>; error?: TokenAnswer["error"] };
    await waitOnExecutionContext(context);
    return { status: response.status, headers: response.headers, data: answer.data ?? {}, error: answer.error };
  }

  mint(body: unknown = {}, headers: Readonly<Record<string, string>> = operatorKey): Promise<TokenAnswer> {
    return this.ask("/security/token", { headers, body });
  }

  refresh(token: string): Promise<TokenAnswer> {
    return this.ask("/security/refresh", { body: { refresh_token: token } });
  }

  /** Throws unless it was minted. */
  async minted(body: unknown = {}, headers: Readonly<Record<string, string>> = operatorKey): Promise<Issued> {
    return issuedIn(await this.mint(body, headers));
  }

  /** Throws unless it was refreshed. */
  async refreshed(token: string): Promise<Issued> {
    return issuedIn(await this.refresh(token));
  }

  /** The key of a new API client, as a header. */
  async client(body: object): Promise<{ readonly "x-api-key": string; readonly id: string }> {
    const { status, data, error } = await this.ask("/ops/clients", { headers: operatorKey, body: { name: "test", ...body } });
    if (status !== 201) throw new Error(JSON.stringify(error));
    return Object.defineProperty({ "x-api-key": String(data.key), id: "" }, "id", { value: String(data.client_id), enumerable: false });
  }

  async isActive(token: string): Promise<boolean> {
    return (await this.ask("/security/verify", { body: { token } })).data.active === true;
  }
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function issuedIn({ data, error }: TokenAnswer): Issued {
  if (error !== undefined) throw new Error(JSON.stringify(error));
  return { access: String(data.access_token), refresh: String(data.refresh_token), sessionId: String(data.session_id) };
}

/** What the audit log holds, oldest first. */
export async function audited(): Promise<Record<string, unknown>[]> {
  return (await env.SESSIONS_DB.prepare("SELECT action, actor, subject, details FROM audit ORDER BY seq").all()).results;
}

export async function rowCount(table: "sessions" | "audit" | "revocations" | "api_clients" | "signing_keys"): Promise<number> {
  return (await env.SESSIONS_DB.prepare(`SELECT COUNT(*) AS count FROM ${table}`).first<number>("count")) ?? -1;
}

export async function emptySessionsDatabase(): Promise<void> {
  const tables = ["sessions", "audit", "audit_exports", "revocations", "api_clients", "signing_keys"];
  await env.SESSIONS_DB.batch(tables.map((table) => env.SESSIONS_DB.prepare(`DELETE FROM ${table}`)));
}
