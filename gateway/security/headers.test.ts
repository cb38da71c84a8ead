/** The tests of Mozilla's HTTP Observatory, by its published rules (github.com/mdn/mdn-http-observatory), one row each; and CORS by the cases
 *  of the Fetch standard (fetch.spec.whatwg.org, 3.2). Asked of the whole app, as a browser or the scanner would. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { app } from "../app.ts";

const page = "https://arbitragex.app";
const production = {
  ...env,
  ENVIRONMENT: "production",
  CORS_ORIGINS: page,
  WEBHOOK_SECRET: "",
  CONTABO_API_KEY: "",
  BACKEND_AUTH_TOKEN: "",
};

function ask(path: string, init: RequestInit = {}, variables: object = production): Promise<Response> {
  return Promise.resolve(app.request(`https://edge.test${path}`, init, variables));
}

function directives(policy: string | null): Map<string, string> {
  return new Map((policy ?? "").split(";").map((part) => [part.trim().split(" ")[0] ?? "", part.trim().split(" ").slice(1).join(" ")]));
}

const policyOf = async (): Promise<Map<string, string>> => directives((await ask("/nowhere")).headers.get("content-security-policy"));

describe("Observatory", () => {
  it("content security policy: starts from default-src 'none', allows nothing unsafe, and bounds base, forms and frames", async () => {
    const policy = await policyOf();
    expect(policy.get("default-src")).toBe("'none'");
    for (const name of ["base-uri", "form-action", "frame-ancestors"]) expect(policy.get(name), name).toBe("'none'");
    expect([...policy.values()].join(" ")).not.toMatch(/unsafe|\*|https?:|data:/);
  });

  it("cookies: none are set", async () => {
    expect((await ask("/nowhere")).headers.get("set-cookie")).toBeNull();
  });

  it("cross-origin resource sharing: no answer is open to every origin", async () => {
    for (const origin of ["https://evil.example", "null"]) {
      expect((await ask("/nowhere", { headers: { origin } })).headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("redirection: http leads to https on the same host first, before anything else", async () => {
    const response = await app.request("http://edge.test/api/opportunities?limit=1", {}, production);
    expect(response.status).toBe(308);
    expect(response.headers.get("location")).toBe("https://edge.test/api/opportunities?limit=1");
  });

  it("referrer policy: no address leaks", async () => {
    expect((await ask("/nowhere")).headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("strict transport security: longer than half a year, with subdomains, ready for preload", async () => {
    const value = (await ask("/nowhere")).headers.get("strict-transport-security") ?? "";
    expect(Number(/max-age=(\d+)/.exec(value)?.[1])).toBeGreaterThanOrEqual(31_536_000);
    expect(value).toMatch(/includeSubDomains; preload$/);
  });

  it("x-content-type-options: nosniff", async () => {
    expect((await ask("/nowhere")).headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("x-frame-options: refused by frame-ancestors as well as by the older header", async () => {
    expect((await ask("/nowhere")).headers.get("x-frame-options")).toBe("DENY");
    expect((await policyOf()).get("frame-ancestors")).toBe("'none'");
  });

  it("cross-origin resource policy: same-origin", async () => {
    expect((await ask("/nowhere")).headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });
});

it("refuses a write over plain http instead of redirecting a key that was already sent", async () => {
  const response = await app.request("http://edge.test/api/events", { method: "POST", body: "{}" }, production);
  expect(response.status).toBe(403);
  expect(response.headers.get("location")).toBeNull();
});

it("speaks plain http on the own machine and in development", async () => {
  expect((await app.request("http://127.0.0.1:8787/nowhere", {}, production)).status).toBe(404);
  expect((await app.request("http://edge.test/nowhere", {}, env)).status).toBe(404);
});

it("leaves the headers for browsers out when SECURITY_HEADERS_ENABLED is false, but never nosniff", async () => {
  const { headers } = await ask("/nowhere", {}, { ...production, SECURITY_HEADERS_ENABLED: "false" });
  expect(headers.get("content-security-policy")).toBeNull();
  expect(headers.get("strict-transport-security")).toBeNull();
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

describe("CORS", () => {
  const preflight = { origin: page, "access-control-request-method": "POST", "access-control-request-headers": "authorization,x-api-key" };

  it("answers a preflight of a known page with method, headers, age and what the answer varies by", async () => {
    const { status, headers } = await ask("/api/events", { method: "OPTIONS", headers: preflight });
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(page);
    expect(headers.get("access-control-allow-methods")).toContain("POST");
    // The wildcard never covers authorization: it is named.
    expect(headers.get("access-control-allow-headers")).toMatch(/authorization.*x-api-key/);
    expect(Number(headers.get("access-control-max-age"))).toBeGreaterThan(0);
    expect(headers.get("vary")).toContain("Origin");
  });

  it("gives a preflight of another page no permission", async () => {
    const { headers } = await ask("/api/events", { method: "OPTIONS", headers: { ...preflight, origin: "https://evil.example" } });
    for (const name of headers.keys()) expect(name).not.toMatch(/^access-control-allow/);
  });

  it("takes an OPTIONS request without Access-Control-Request-Method for what it is: not a preflight", async () => {
    expect((await ask("/nowhere", { method: "OPTIONS", headers: { origin: page } })).status).toBe(404);
  });

  it("compares origins as a whole: neither port, scheme, prefix nor suffix may differ", async () => {
    for (const origin of [
      "http://arbitragex.app",
      `${page}:8443`,
      `${page}.evil.example`,
      "https://evil.example/?arbitragex.app",
      `${page}/`,
    ]) {
      expect((await ask("/nowhere", { headers: { origin } })).headers.get("access-control-allow-origin"), origin).toBeNull();
    }
  });

  it("lets a known page read failures too, and the headers it needs", async () => {
    const { headers } = await ask("/nowhere", { headers: { origin: page } });
    expect(headers.get("access-control-allow-origin")).toBe(page);
    expect(headers.get("access-control-expose-headers")).toMatch(/retry-after/);
  });

  it("never allows credentials: there are no cookies to send", async () => {
    for (const origins of [page, "*"]) {
      const { headers } = await ask("/nowhere", { headers: { origin: page } }, { ...production, CORS_ORIGINS: origins });
      expect(headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  it("says * only where the owner says *", async () => {
    const { headers } = await ask("/nowhere", { headers: { origin: "https://any.example" } }, { ...production, CORS_ORIGINS: "*" });
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });
});

describe("web sockets, for which browsers ask nobody", () => {
  const upgrade = (origin?: string): Promise<Response> =>
    ask("/ws", { headers: { upgrade: "websocket", ...(origin === undefined ? {} : { origin }) } });

  it.each(["https://evil.example", "null", `${page}.evil.example`])("refuses a page of %s before a relay is asked", async (origin) => {
    const response = await upgrade(origin);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "FORBIDDEN" } });
  });

  it.each([page, "https://edge.test", undefined])("opens for a page of %s", async (origin) => {
    const response = await upgrade(origin);
    expect(response.status).toBe(101);
    response.webSocket?.accept();
    response.webSocket?.close();
  });
});
