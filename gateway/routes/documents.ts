/** GET /openapi.json and /docs: the routes; GET /asyncapi.json: the sockets and streams. Made from the schemas that this very Worker uses. */
import { Hono } from "hono";
import { streams } from "../../channels/catalogue.ts";
import openApi from "../../docs/openapi.json" with { type: "json" };
import { asyncApiDocument } from "../../schemas/asyncapi.ts";
import { renderPage } from "../openapi/page.ts";
import type { OpenApi } from "../openapi/page.ts";

/** They change with a deployment only. */
const cacheControl = "public, max-age=300";
const headers = { "content-type": "application/json; charset=utf-8", "cache-control": cacheControl };

let asyncApiText: string | undefined;
let openApiText: string | undefined;
let page: Promise<{ readonly text: string; readonly policy: string }> | undefined;

export const documentRoutes = new Hono<{ Bindings: Env }>()
  .get("/asyncapi.json", () => {
    asyncApiText ??= JSON.stringify(asyncApiDocument(streams.map(({ name }) => name)));
    return new Response(asyncApiText, { headers });
  })
  .get("/openapi.json", () => {
    openApiText ??= JSON.stringify(openApi);
    return new Response(openApiText, { headers });
  })
  .get("/docs", async () => {
    page ??= renderDocs();
    const { text, policy } = await page;
    return new Response(text, {
      headers: { "content-type": "text/html; charset=utf-8", "cache-control": cacheControl, "content-security-policy": policy },
    });
  });

/** The page's one style is named by its hash: nothing else may style it and nothing may run. */
async function renderDocs(): Promise<{ readonly text: string; readonly policy: string }> {
  const text = String(await renderPage(openApi as unknown as OpenApi));
  const [, inside = ""] = /<style>([\s\S]*?)<\/style>/.exec(text) ?? [];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(inside));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return { text, policy: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'` };
}
