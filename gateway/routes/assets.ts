/** GET and HEAD /assets/{path}: what operators have uploaded, for everybody. */
import { Hono } from "hono";
import type { Context } from "hono";
import { ColoCache } from "../assets/colo-cache.ts";
import { parseAssetPath } from "../assets/path.ts";
import { serveAsset, UnsatisfiableRange } from "../assets/serve.ts";
import { methodNotAllowed, renderError } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";

const prefix = "/assets/";

export function assetRoutes(clock: () => number = Date.now): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>().get(`${prefix}*`, (c) => answer(c, clock())).all(`${prefix}*`, methodNotAllowed("GET, HEAD"));
}

async function answer(c: Context<GatewayEnv>, nowMs: number): Promise<Response> {
  const url = new URL(c.req.url);
  const key = parseAssetPath(url.pathname.slice(prefix.length));
  const { method, headers } = c.req.raw;
  try {
    return await serveAsset(
      key,
      { method, headers },
      {
        bucket: c.env.BACKEND_ASSETS,
        cache: new ColoCache(caches.default, url.origin),
        nowMs,
        later: (work) => c.executionCtx.waitUntil(work),
      },
    );
  } catch (error) {
    if (!(error instanceof UnsatisfiableRange)) throw error;
    const refused = renderError(error, c);
    refused.headers.set("content-range", `bytes */${error.bytes}`);
    return refused;
  }
}
