/** GET /asyncapi.json: the description of the sockets and streams, made from the schemas that this very Worker uses. */
import { Hono } from "hono";
import { streams } from "../../channels/catalogue.ts";
import { asyncApiDocument } from "../../schemas/asyncapi.ts";

/** It changes with a deployment only. */
const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "public, max-age=300" };

let asyncApiText: string | undefined;

export const documentRoutes = new Hono<{ Bindings: Env }>().get("/asyncapi.json", () => {
  asyncApiText ??= JSON.stringify(asyncApiDocument(streams.map(({ name }) => name)));
  return new Response(asyncApiText, { headers });
});
