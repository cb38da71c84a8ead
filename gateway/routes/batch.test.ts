/** Through the app itself: what a part may and may not is what it may alone. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { afterEach, describe, expect, it, vi } from "vitest";
import { batchBodyBytesMax, batchParallel, batchPartBytesMax, batchTimeoutMs } from "../../schemas/limits-proxy.ts";
import { signToken } from "../../tests/support/reading.ts";
import { app } from "../app.ts";
import { renderError } from "../middleware/errors.ts";
import { requestId } from "../middleware/request-id.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { batchRoutes } from "./batch.ts";

interface PartAnswer {
  readonly id?: string | number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: { readonly success?: boolean; readonly error?: { readonly code: string; readonly message: string } };
}

async function post(to: Hono<GatewayEnv>, body: unknown, headers: Record<string, string> = {}) {
  const context = createExecutionContext();
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  const response = await to.request(
    "/api/batch",
    { method: "POST", headers: { "content-type": "application/json", ...headers }, body: sent },
    env,
    context,
  );
  const answer = (await response.json()) as { data?: PartAnswer[]; error?: { code: string } };
  await waitOnExecutionContext(context);
  return { status: response.status, parts: answer.data ?? [], code: answer.error?.code };
}

describe("a batch", () => {
  it("is refused as a whole when it is no batch", async () => {
    expect(await post(app, "{")).toMatchObject({ status: 400, code: "INVALID_PARAMETERS" });
    expect(await post(app, { requests: [{ method: "GET", path: "/api/batch" }] })).toMatchObject({ code: "INVALID_PARAMETERS" });
    expect(await post(app, {}, { "content-type": "text/plain" })).toMatchObject({ code: "UNSUPPORTED_MEDIA_TYPE" });
    expect(await post(app, "x".repeat(batchBodyBytesMax + 1))).toMatchObject({ status: 413 });
    expect((await app.request("/api/batch", {}, env, createExecutionContext())).status).toBe(405);
  });

  it("lets each part be answered by itself, with the caller's own rights", async () => {
    const requests = [
      { id: 1, method: "GET", path: "/api/opportunities?limit=1" },
      { id: "two", method: "GET", path: "/api/executions" },
      { method: "GET", path: "/api/nowhere" },
      { id: 4, method: "GET", path: "/api/opportunities?limit=0" },
      { id: 5, method: "POST", path: "/api/events", body: [] },
    ];
    const anonymous = await post(app, { requests });
    expect(anonymous.parts.map(({ id, status, body }) => [id, status, body?.error?.code])).toEqual([
      [1, 200, undefined],
      ["two", 401, "UNAUTHORIZED"],
      [undefined, 404, "NOT_FOUND"],
      [4, 400, "INVALID_PARAMETERS"],
      [5, 401, "UNAUTHORIZED"],
    ]);
    const token = await signToken({ sub: "a", role: "viewer" });
    const known = await post(app, { requests }, { authorization: `Bearer ${token}` });
    expect(known.parts.map(({ status }) => status)).toEqual([200, 200, 404, 400, 401]);
    expect(known.parts[0]?.headers["cache-status"]).toContain("ArbitrageX-Edge");
  });

  it("answers 304 to a part that holds it already", async () => {
    const first = await post(app, { requests: [{ method: "GET", path: "/api/strategies" }] }, { "x-api-key": env.OPS_API_KEY });
    const etag = first.parts[0]?.headers["etag"] ?? "";
    const again = { method: "GET", path: "/api/strategies", headers: { "if-none-match": etag } };
    const { parts } = await post(app, { requests: [again] }, { "x-api-key": env.OPS_API_KEY });
    expect(parts.map(({ status, body }) => [status, body])).toEqual([[304, undefined]]);
  });
});

describe("parts of a batch", () => {
  afterEach(() => void vi.useRealTimers());

  function appThat(answers: (request: Request) => Promise<Response>): Hono<GatewayEnv> {
    const own = new Hono<GatewayEnv>();
    own.onError(renderError);
    own.use(requestId);
    return own.route("/", batchRoutes({ clock: Date.now, send: answers }));
  }
  const parts = (count: number): unknown => ({
    requests: Array.from({ length: count }, (_, id) => ({ id, method: "GET", path: `/api/${id}` })),
  });

  it("are never more at a time than leave a connection free, and all are answered in their places", async () => {
    let now = 0;
    let most = 0;
    const own = appThat(async (request) => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, 0));
      now -= 1;
      return Response.json(new URL(request.url).pathname);
    });
    const { parts: answered } = await post(own, parts(20));
    expect(answered.map(({ id, body }) => [id, body])).toEqual(Array.from({ length: 20 }, (_, id) => [id, `/api/${id}`]));
    expect(most).toBe(batchParallel);
  });

  it("that fail, throw or answer too much fail alone", async () => {
    const own = appThat((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/api/0") return Promise.reject(new Error("secret"));
      if (pathname === "/api/1") return Promise.resolve(new Response("x".repeat(batchPartBytesMax + 1)));
      return Promise.resolve(Response.json("fine"));
    });
    const { parts: answered } = await post(own, parts(3));
    expect(answered.map(({ status }) => status)).toEqual([503, 200, 200]);
    expect(answered[1]?.body?.error?.code).toBe("CAPACITY_EXCEEDED");
    expect(JSON.stringify(answered)).not.toContain("secret");
  });

  it("that do not end are told in time, also those that nobody could begin", async () => {
    vi.useFakeTimers();
    const own = appThat(() => new Promise(() => undefined));
    const asked = post(own, parts(batchParallel + 1));
    await vi.advanceTimersByTimeAsync(batchTimeoutMs);
    const { parts: answered } = await asked;
    expect(answered.map(({ body }) => body?.error?.code)).toEqual(Array.from({ length: batchParallel + 1 }, () => "UPSTREAM_TIMEOUT"));
    expect(answered[0]?.body?.error?.message).toContain("not known");
    expect(answered.at(-1)?.body?.error?.message).toContain("not begun");
  });
});
