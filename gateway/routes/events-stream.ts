/** `POST /api/events` with NDJSON: a stream is answered here, line by line; a small body goes on to events.ts, as does a signed one: a signature
 *  covers the whole body, and nothing of it may count before it is checked. */
import { Hono } from "hono";
import { senderOf, streamDeps } from "../../producers/ingest/deps.ts";
import { parseDelivery } from "../../producers/ingest/index.ts";
import { isNdjson, ndjsonType, openBody, startStream } from "../../producers/stream/index.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { announcing } from "../optimisation/cache/ingested.ts";
import { requireIngestKey } from "../security/ingest-keys.ts";
import { isSigned } from "../security/signatures.ts";

export const eventStreamRoutes = new Hono<GatewayEnv>();

eventStreamRoutes.post("/api/events", async (c, next) => {
  const request = c.req.raw;
  if (!isNdjson(request.headers) || isSigned(request.headers)) return await next();
  await requireIngestKey(c, async () => undefined);
  const delivery = parseDelivery(c.req.query("delivery"));
  const opened = await openBody(request);
  if (opened.kind === "whole") {
    c.req.raw = withBody(request, opened.body);
    return await next();
  }
  const order = { delivery, traceparent: request.headers.get("traceparent") ?? undefined };
  const deps = announcing(streamDeps(c.env, senderOf(request.headers, c.env)), (work) => c.executionCtx.waitUntil(work));
  const { body, done } = await startStream(opened.chunks, order, deps);
  // What was read when the sender went away is brought to its end.
  c.executionCtx.waitUntil(done);
  return new Response(body, { headers: { "content-type": ndjsonType, "cache-control": "no-store" } });
});

/** The same request as if it had been sent uncompressed and with its length. */
function withBody(request: Request, body: Uint8Array): Request {
  const headers = new Headers(request.headers);
  headers.delete("content-encoding");
  headers.set("content-length", String(body.byteLength));
  return new Request(request.url, { method: request.method, headers, body });
}
