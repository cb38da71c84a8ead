/** Asks the reading routes as a client does, with the error envelope around them, and signs tokens they accept. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { SignJWT } from "jose";
import { renderError } from "../../gateway/middleware/errors.ts";
import type { GatewayEnv } from "../../gateway/middleware/request-id.ts";
import { parseEvent } from "../../schemas/event.ts";
import type { EdgeEvent } from "../../schemas/event.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, or undefined when the text is no JSON. */
  readonly body: AnswerBody;
}

export interface AnswerBody {
  readonly success?: boolean;
  readonly data?: unknown;
  readonly pagination?: { readonly limit: number; readonly has_next: boolean; readonly cursor?: string };
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
}

export interface Ask {
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Variables and bindings of this request alone. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export function client(routes: Hono<{ Bindings: Env }>): (path: string, ask?: Ask) => Promise<Answer> {
  const app = new Hono<GatewayEnv>();
  app.onError(renderError);
  app.route("/", routes);
  return async (path, { token, headers = {}, variables } = {}) => {
    const context = createExecutionContext();
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const bindings = variables === undefined ? env : { ...env, ...variables };
    const response = await app.request(path, { headers: { ...headers, ...authorization } }, bindings, context);
    // Decoded here: text() warns about bodies of NDJSON.
    const text = new TextDecoder().decode(await response.arrayBuffer());
    await waitOnExecutionContext(context);
    return { status: response.status, headers: response.headers, text, body: bodyOf(text) };
  };
}

function bodyOf(text: string): AnswerBody {
  try {
    return JSON.parse(text) as AnswerBody;
  } catch {
    return {};
  }
}

export function signToken(claims: Readonly<Record<string, unknown>>, nowMs = Date.now(), expiresInSeconds = 3_600): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(env.JWT_ISSUER)
    .setAudience(env.JWT_AUDIENCE)
    .setExpirationTime(Math.floor(nowMs / 1_000) + expiresInSeconds)
    .sign(new TextEncoder().encode(env.JWT_SECRET));
}

export function strategy(id: string, options: { readonly timeMs: number; readonly data?: Readonly<Record<string, unknown>> }): EdgeEvent {
  const time = new Date(options.timeMs).toISOString();
  const data = { strategy_id: id, name: id, type: "cross_dex", is_active: true, parameters: {}, risk_limits: {}, last_modified: time };
  const parsed = parseEvent({ specversion: "1.0", id, source: "test", type: "strategy.updated", time, data: { ...data, ...options.data } });
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.event;
}
