import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { app } from "../app.ts";

it("shows every operation and schema of the document on one page", async () => {
  const document = await (
    await app.request("/openapi.json", {}, env)
  ).json<{ paths: Record<string, Record<string, { operationId: string }>> }>();
  const page = await (await app.request("/docs", {}, env)).text();
  const names = Object.values(document.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(page).toContain(`id="${name}"`);
  for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(page, `#${target}`).toContain(`id="${target}"`);
});

it("lets the page load nothing and run nothing: its one style is named by its hash", async () => {
  const response = await app.request("/docs", {}, env);
  expect(response.headers.get("content-type")).toContain("text/html");
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+';/);
  const [, hash = ""] = /sha256-([^']+)'/.exec(policy) ?? [];
  const page = await response.text();
  const [, inside = ""] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(inside));
  expect(btoa(String.fromCharCode(...new Uint8Array(digest)))).toBe(hash);
  expect(page).not.toMatch(/<script|style="|\son\w+=/);
});
