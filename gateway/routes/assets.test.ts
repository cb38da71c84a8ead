import { zstdDecompressSync } from "node:zlib";
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { assetCachedBytesMax } from "../../schemas/limits.ts";
import { app } from "../app.ts";

const origin = "https://edge.test";
const script = "export const answer = 42;\n".repeat(200);
const page = "https://arbitragex.app";

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly variables?: Record<string, unknown>;
}

async function ask(path: string, { method = "GET", headers = {}, variables = {} }: Ask = {}): Promise<Response> {
  const response = await app.request(`${origin}${path}`, { method, headers }, { ...env, ...variables }, createExecutionContext());
  const body = response.body === null ? null : await response.arrayBuffer();
  return new Response(body, { status: response.status, headers: response.headers, encodeBody: "manual" });
}

/** Asks until this colo holds it: it is put there after the answer. */
async function untilHeld(path: string): Promise<void> {
  await expect.poll(async () => (await ask(path)).headers.get("cache-status")).toBe("arbitragex; hit");
}

/** R2 as it is but for what a test says. */
function bucketWith(over: Partial<Record<"get" | "head", (...args: never[]) => unknown>>): Record<string, unknown> {
  const bucket = new Proxy(env.BACKEND_ASSETS, {
    get: (target, property) => {
      const replaced = over[property as "get" | "head"];
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { BACKEND_ASSETS: bucket };
}

const down = bucketWith({ get: () => Promise.reject(new Error("R2 is down")), head: () => Promise.reject(new Error("R2 is down")) });

beforeAll(async () => {
  await env.BACKEND_ASSETS.put("app.js", script);
  await env.BACKEND_ASSETS.put("app.0a1b2c3d.js", script);
  await env.BACKEND_ASSETS.put("logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
  await env.BACKEND_ASSETS.put("page.html", "<script>alert(1)</script>");
  await env.BACKEND_ASSETS.put("empty.txt", "");
  await env.BACKEND_ASSETS.put(
    "dots.png",
    new Uint8Array(5_000).map((_, index) => index % 251),
  );
  await env.BACKEND_ASSETS.put(
    "film.mp4",
    new Uint8Array(assetCachedBytesMax + 1).map((_, index) => index % 241),
  );
});

describe("/assets", () => {
  it.each(["/assets/", "/assets/a%2f..%2fb", "/assets/%252e%252e/x", "/assets/a%00", "/assets/.env", `/assets/${"a".repeat(600)}`])(
    "refuses %s by name before it asks R2",
    async (path) => {
      const response = await ask(path, { variables: down });
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { error: { code: "INVALID_PARAMETERS", details: { parameter: "path" } } },
      ]);
      expect(response.headers.get("cache-control")).toBe("no-store");
    },
  );

  it("answers 404 for what is not there, kept by nobody", async () => {
    const response = await ask("/assets/none.js");
    expect([response.status, response.headers.get("cache-control")]).toEqual([404, "no-store"]);
    expect((await ask("/assets/none.js", { headers: { range: "bytes=0-1" } })).status).toBe(404);
  });

  it.each(["POST", "PUT", "DELETE"])("does not take %s", async (method) => {
    const response = await ask("/assets/app.js", { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("says that the store is out of reach, and not that there is nothing", async () => {
    const response = await ask("/assets/never-asked.js", { variables: down });
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "UPSTREAM_UNAVAILABLE" } }]);
  });

  it("gives the bytes with what their name says of them", async () => {
    const response = await ask("/assets/app.js", { headers: { origin: page }, variables: { CORS_ORIGINS: page } });
    expect(await response.text()).toBe(script);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "content-length": String(script.length),
      "cache-control": "public, max-age=3600",
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      "last-modified": expect.stringMatching(/ GMT$/),
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "cross-origin",
      "access-control-allow-origin": page,
      vary: expect.stringContaining("Origin"),
    });
  });

  it("keeps a hashed name for a year", async () => {
    const response = await ask("/assets/app.0a1b2c3d.js");
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  it("never lets what was uploaded run at this origin", async () => {
    const [image, html] = [await ask("/assets/logo.svg"), await ask("/assets/page.html")];
    expect(image.headers.get("content-security-policy")).toContain("sandbox");
    expect([html.headers.get("content-disposition"), html.headers.get("content-security-policy")]).toEqual([
      "attachment",
      expect.stringContaining("sandbox"),
    ]);
  });

  it("has the headers of GET for HEAD, and no body", async () => {
    for (const path of ["/assets/dots.png", "/assets/film.mp4", "/assets/app.js"]) {
      const [head, get] = [await ask(path, { method: "HEAD" }), await ask(path)];
      // What differs from request to request, and from cache to store.
      const own = /ratelimit|^(age|cache-status|x-request-id)$/;
      const told = ({ headers }: Response): object => Object.fromEntries([...headers].filter(([name]) => !own.test(name)));
      expect(told(head)).toEqual(told(get));
      expect(head.body).toBeNull();
    }
  });

  it("serves an empty one", async () => {
    const response = await ask("/assets/empty.txt");
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "0", ""]);
  });

  it("serves what this colo holds while the store is down", async () => {
    await untilHeld("/assets/dots.png");
    const response = await ask("/assets/dots.png", { variables: down });
    expect([response.status, response.headers.get("cache-status"), response.headers.get("age")]).toEqual([
      200,
      "arbitragex; hit",
      expect.stringMatching(/^\d+$/),
    ]);
    expect(new Uint8Array(await response.arrayBuffer())[260]).toBe(9);
  });

  it("streams a large one, and keeps it nowhere", async () => {
    for (let time = 0; time < 2; time += 1) {
      const response = await ask("/assets/film.mp4");
      expect([response.headers.get("cache-status"), (await response.arrayBuffer()).byteLength]).toEqual([
        "arbitragex; fwd=uri-miss",
        assetCachedBytesMax + 1,
      ]);
    }
  });

  it("is not confused by one that is replaced while it is asked for", async () => {
    let gets = 0;
    const replacing = bucketWith({
      get: async (key: string, options: R2GetOptions) => {
        gets += 1;
        if (gets === 1) await env.BACKEND_ASSETS.put(key, new Uint8Array(10).fill(2));
        return env.BACKEND_ASSETS.get(key, options);
      },
    });
    await env.BACKEND_ASSETS.put("moving.png", new Uint8Array(10).fill(1));
    const response = await ask("/assets/moving.png", { headers: { range: "bytes=0-3" }, variables: replacing });
    expect([response.status, [...new Uint8Array(await response.arrayBuffer())], gets]).toEqual([206, [2, 2, 2, 2], 2]);
  });
});

describe.each<[string, string]>([
  ["from the store", "/assets/film.mp4"],
  ["from this colo", "/assets/dots.png"],
])("%s", (_, path) => {
  let whole: Uint8Array;
  let etag: string;
  beforeAll(async () => {
    const response = await ask(path);
    etag = response.headers.get("etag") ?? "";
    whole = new Uint8Array(await response.arrayBuffer());
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=4000-4099", 4_000, 4_100],
    ["bytes=4000-", 4_000, undefined],
    ["bytes=-7", -7, undefined],
  ])("gives %s alone", async (range, from, to) => {
    const response = await ask(path, { headers: { range, "accept-encoding": "br" } });
    const part = whole.slice(from, to);
    expect([response.status, response.headers.get("content-length"), response.headers.get("content-encoding")]).toEqual([
      206,
      String(part.byteLength),
      null,
    ]);
    const first = from < 0 ? whole.byteLength + from : from;
    expect(response.headers.get("content-range")).toBe(`bytes ${first}-${first + part.byteLength - 1}/${whole.byteLength}`);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(part);
  });

  it("answers 416 with the size to a range behind the end", async () => {
    const response = await ask(path, { headers: { range: `bytes=${whole.byteLength}-` } });
    expect([response.status, response.headers.get("content-range")]).toEqual([416, `bytes */${whole.byteLength}`]);
    expect(await response.json()).toMatchObject({ error: { code: "INVALID_PARAMETERS", details: { parameter: "range" } } });
  });

  it("gives the whole when the range is of another version", async () => {
    const response = await ask(path, { headers: { range: "bytes=0-1", "if-range": '"other"' } });
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, whole.byteLength]);
    expect((await ask(path, { headers: { range: "bytes=0-1", "if-range": etag } })).status).toBe(206);
  });

  it("answers 304 to who holds it, by tag or by time, with what may be kept", async () => {
    const first = await ask(path);
    const time = first.headers.get("last-modified") ?? "";
    const conditions: Record<string, string>[] = [{ "if-none-match": `"x", W/${etag}` }, { "if-modified-since": time }];
    for (const headers of conditions) {
      for (const method of ["GET", "HEAD"]) {
        const response = await ask(path, { headers, method });
        expect([response.status, response.body, response.headers.get("cache-control")]).toEqual([
          304,
          null,
          first.headers.get("cache-control"),
        ]);
        expect(response.headers.has("content-length")).toBe(false);
      }
    }
  });

  it("answers 412 when it is not what the reader insists on", async () => {
    expect((await ask(path, { headers: { "if-match": '"other"' } })).status).toBe(412);
  });
});

it("compresses what shrinks, with a weak tag that still is recognised", async () => {
  const headers = { "accept-encoding": "zstd" };
  for (const path of ["/assets/app.js", "/assets/app.0a1b2c3d.js"]) {
    const response = await ask(path, { headers });
    const tag = response.headers.get("etag") ?? "";
    expect([response.headers.get("content-encoding"), tag.startsWith('W/"'), response.headers.get("accept-ranges")]).toEqual([
      "zstd",
      true,
      null,
    ]);
    expect(new TextDecoder().decode(zstdDecompressSync(new Uint8Array(await response.arrayBuffer())))).toBe(script);
    const again = await ask(path, { headers: { ...headers, "if-none-match": tag } });
    expect([again.status, again.headers.get("etag")]).toEqual([304, tag]);
    const head = await ask(path, { method: "HEAD", headers });
    expect([head.headers.get("content-encoding"), head.headers.get("etag")]).toEqual(["zstd", tag]);
  }
  expect((await ask("/assets/dots.png", { headers })).headers.get("content-encoding")).toBeNull();
});
