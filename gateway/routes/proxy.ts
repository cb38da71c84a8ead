/** /api/proxy/*: the backend's API for those who may ask it. Who asks is let in or refused first, then the cache is asked, then the backend. What is
 *  there to ask is proxy/table.ts. */
import { Hono } from "hono";
import type { Context } from "hono";
import { configOf } from "../../platform/config.ts";
import { proxyBodyBytesMax } from "../../schemas/limits-proxy.ts";
import { announceChange } from "../../stores/changes.ts";
import { claimExecution, releaseExecution, settleExecution } from "../../stores/executions-once.ts";
import { parseQuery } from "../http/query.ts";
import { readTypedJson } from "../http/typed-body.ts";
import { methodNotAllowed, renderNotFound } from "../middleware/errors.ts";
import { keepAlive } from "../middleware/guard.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { cached, cacheStatus } from "../optimisation/cache/index.ts";
import { canonicalValues } from "../optimisation/cache/key.ts";
import { partitionOf } from "../optimisation/cache/partition.ts";
import { policyOf } from "../optimisation/cache/policies.ts";
import type { PolicyName } from "../optimisation/cache/policies.ts";
import { callBackend } from "../proxy/index.ts";
import type { BackendCall, CallContext } from "../proxy/index.ts";
import { happenOnce, keyOf, ownerOf } from "../proxy/once.ts";
import type { OnceDeps } from "../proxy/once.ts";
import { traceparentOf } from "../proxy/outgoing.ts";
import { findProxyRoute } from "../proxy/table.ts";
import type { Access, ProxyRoute } from "../proxy/table.ts";
import { anybodyMayRead, identify, refusal, requirePermission, requireRead } from "../security/access.ts";
import type { ReadRequest } from "../security/access.ts";
import type { Reader } from "../security/reader.ts";

type ProxyContext = Context<GatewayEnv>;

export interface ProxyDeps {
  clock(): number;
  call(env: Env, call: BackendCall, context: CallContext): Promise<Response>;
}

const platformDeps: ProxyDeps = { clock: Date.now, call: callBackend };
const prefix = "/api/proxy";

export function proxyRoutes(deps: ProxyDeps = platformDeps): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>().get(`${prefix}/*`, cacheStatus).all(`${prefix}/*`, (c) => answer(c, deps));
}

interface Asked {
  readonly route: ProxyRoute;
  readonly reader: Reader;
  readonly call: BackendCall;
}

async function answer(c: ProxyContext, deps: ProxyDeps): Promise<Response> {
  // As it was sent: what Hono decodes to match a route is not what is sent on.
  const { pathname, searchParams } = new URL(c.req.url);
  const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : "";
  const found = findProxyRoute(c.req.method, path);
  if (found.kind === "nothing") return renderNotFound(c);
  if (found.kind === "method") return methodNotAllowed(found.allow)(c);
  const { route } = found;
  const reader = await admit(c, route.access, deps.clock());
  const query = canonicalValues(parseQuery(route.query, searchParams));
  const call = { route, path, query, requestId: c.get("requestId"), traceparent: traceparentOf(c.req.header("traceparent")) };
  const { cache } = route;
  return cache === undefined ? await change(c, { route, reader, call }, deps) : await read(c, { route, reader, call, cache }, deps);
}

async function admit(c: ProxyContext, access: Access, nowMs: number): Promise<Reader> {
  if (access.kind === "anyone") return { kind: "anonymous" };
  const reader = await identify(c, nowMs);
  if (access.kind === "permission") requirePermission(reader, access.permission);
  else if (access.kind === "stream") requireRead(c.env, reader, rightTo(access.stream));
  else if (reader.kind === "anonymous") throw refusal(reader, "the backend's API");
  return reader;
}

/** All of the stream: that the backend answers with one chain only is nothing the edge could vouch for. */
function rightTo(stream: string): ReadRequest {
  return { action: "subscribe", channel: { channel: stream, stream } };
}

async function read(
  c: ProxyContext,
  { route, reader, call, cache }: Asked & { readonly cache: PolicyName },
  deps: ProxyDeps,
): Promise<Response> {
  const { access } = route;
  const isPublic = access.kind === "anyone" || (access.kind === "stream" && anybodyMayRead(c.env, rightTo(access.stream)));
  const { publicChannels } = configOf(c.env);
  const partition = partitionOf({ sharedBy: policyOf(cache).sharedBy, reader, isPublic, publicChannels });
  const origin = async (): Promise<{ response: Response }> => ({ response: await deps.call(c.env, call, contextOf(c)) });
  const subject = { policy: cache, partition, path: `${prefix}${call.path}`, query: call.query, origin };
  return forOnly(await cached(c, subject, deps.clock), isPublic);
}

/** An answer that the cache left as the backend sent it may call itself public; who asked was let in by us. */
function forOnly(response: Response, isPublic: boolean): Response {
  if (isPublic || /\b(?:private|no-store)\b/.test(response.headers.get("cache-control") ?? "")) return response;
  const copy = new Response(response.body, response);
  copy.headers.set("cache-control", "private, no-store");
  return copy;
}

async function change(c: ProxyContext, { route, reader, call }: Asked, deps: ProxyDeps): Promise<Response> {
  // A change without a body would be the table's mistake.
  if (route.body === undefined) throw new Error(`${route.path} has no body`);
  const key = route.once === true ? keyOf(c.req.header("idempotency-key")) : undefined;
  const body = JSON.stringify(await readTypedJson(c.req.raw, route.body, proxyBodyBytesMax));
  try {
    const response =
      key === undefined ? await deps.call(c.env, { ...call, body }, contextOf(c)) : await once(c, { key, reader, call, body }, deps);
    response.headers.set("cache-control", "no-store");
    return response;
  } finally {
    // Whatever came of it: it may have been done.
    for (const tag of route.changes ?? []) await announceChange(tag, { nowMs: deps.clock() });
  }
}

interface Execution extends Omit<Asked, "route"> {
  readonly key: string;
  readonly body: string;
}

function once(c: ProxyContext, { key, reader, call, body }: Execution, deps: ProxyDeps): Promise<Response> {
  const send = (keyHash: string): Promise<Response> => deps.call(c.env, { ...call, body, idempotencyKey: keyHash }, contextOf(c));
  return happenOnce({ owner: ownerOf(reader), key, what: [call.path, body], send }, onceDeps(c, deps));
}

function onceDeps(c: ProxyContext, { clock }: ProxyDeps): OnceDeps {
  return {
    claim: (claim) => claimExecution(c.env, claim),
    settle: (mine, outcome) => settleExecution(c.env, mine, outcome),
    release: (mine) => releaseExecution(c.env, mine),
    waitUntil: (work) => keepAlive(c, work),
    clock,
  };
}

function contextOf(c: ProxyContext): CallContext {
  return { waitUntil: (work) => keepAlive(c, work) };
}
