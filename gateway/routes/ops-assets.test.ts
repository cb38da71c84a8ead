import { createHash } from "node:crypto";
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { assetBytesMax, assetPathCharsMax } from "../../schemas/limits.ts";
import { token } from "../../tests/support/sockets.ts";
import { app } from "../app.ts";
import { receiveAsset } from "../assets/receive.ts";

const operator = { "x-api-key": env.OPS_API_KEY };
const absent = { "if-none-match": "*" };

interface Answer {
  readonly status: number;
  readonly body: { readonly data?: Record<string, unknown>; readonly error?: { code: string; details?: unknown } };
}

async function ask(method: string, path: string, init: { headers?: Record<string, string>; body?: BodyInit } = {}): Promise<Answer> {
  const request = { method, headers: { ...operator, ...init.headers }, ...(init.body === undefined ? {} : { body: init.body }) };
  const response = await app.request(`https://edge.test/ops/assets${path}`, request, env, createExecutionContext());
  return { status: response.status, body: await response.json() };
}

const put = (path: string, text: string, headers: Record<string, string> = absent) =>
  ask("PUT", path, { headers: { "content-length": String(text.length), ...headers }, body: text });
const digestOf = (text: string): string => `sha-256=:${btoa(String.fromCharCode(...createHash("sha256").update(text).digest()))}:`;
const stored = async (key: string): Promise<string | undefined> => (await env.BACKEND_ASSETS.get(key))?.text();
const served = async (key: string): Promise<string> =>
  (await app.request(`https://edge.test/assets/${key}`, {}, env, createExecutionContext())).text();

describe("/ops/assets", () => {
  it.each([
    ["GET", ""],
    ["GET", "/a.js"],
    ["PUT", "/a.js"],
    ["DELETE", "/a.js"],
  ])("%s%s is for operators alone", async (method, path) => {
    const bare = (headers: Record<string, string>) => app.request(`https://edge.test/ops/assets${path}`, { method, headers }, env);
    expect((await bare({})).status).toBe(401);
    expect((await bare({ authorization: `Bearer ${await token()}` })).status).toBe(403);
    expect(await stored("a.js")).toBeUndefined();
  });

  it.each<[number, string, Record<string, string>]>([
    [411, "content-length", { ...absent, "content-length": "" }],
    [400, "content-length", { ...absent, "content-length": "-1" }],
    [400, "content-digest", { ...absent, "content-digest": "sha-256=:AAAA:" }],
    [400, "content-digest", { ...absent, "content-digest": "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:" }],
    [400, "if-none-match", { "if-none-match": '"abc"' }],
    [400, "if-match", { "if-match": 'W/"abc"' }],
    [400, "if-match", { "if-match": "*" }],
    [400, "if-match", { "if-match": '"abc"', "if-none-match": "*" }],
    [428, "if-none-match", {}],
  ])("an upload is answered %i for its %s: %j", async (status, parameter, { "content-length": length = "3", ...headers }) => {
    const answer = await ask("PUT", "/bad.js", {
      headers: { ...headers, ...(length === "" ? {} : { "content-length": length }) },
      body: "abc",
    });
    expect(answer).toMatchObject({ status, body: { error: { details: { parameter } } } });
    expect(await stored("bad.js")).toBeUndefined();
  });

  it("refuses by their heads what is too large, encoded, or has no usable path", async () => {
    expect((await put("/large.bin", "", { ...absent, "content-length": String(assetBytesMax + 1) })).status).toBe(413);
    expect((await put("/a.js", "abc", { ...absent, "content-encoding": "gzip" })).status).toBe(415);
    for (const path of ["/", "/..%2fsecret", "/.env", "/a%00", `/${"a".repeat(assetPathCharsMax + 1)}`])
      expect((await put(path, "abc")).status).toBe(400);
  });

  it("stores one, tells what it is, and serves it", async () => {
    const text = "console.log(1)";
    const { status, body } = await put("/js/first.js", text, { ...absent, "content-digest": digestOf(text) });
    const sha256 = createHash("sha256").update(text).digest("hex");
    const facts = {
      path: "js/first.js",
      url: "/assets/js/first.js",
      bytes: text.length,
      sha256,
      content_type: "text/javascript; charset=utf-8",
    };
    expect([status, body.data]).toMatchObject([201, facts]);
    expect((await ask("GET", "/js/first.js")).body.data).toEqual(body.data);
    expect(await served("js/first.js")).toBe(text);
  });

  it("recognises an upload that comes twice, and refuses another one of the same name", async () => {
    const headers = { ...absent, "content-digest": digestOf("same") };
    expect((await put("/twice.js", "same", headers)).status).toBe(201);
    expect((await put("/twice.js", "same", headers)).status).toBe(200);
    expect(await put("/twice.js", "else", { ...absent, "content-digest": digestOf("else") })).toMatchObject({
      status: 412,
      body: { error: { code: "CONFLICT", details: { etag: expect.any(String) } } },
    });
    expect(await stored("twice.js")).toBe("same");
  });

  it("replaces only what the operator has seen, and this colo serves it at once", async () => {
    const first = await put("/replaced.css", "a{}");
    expect(await served("replaced.css")).toBe("a{}");
    const seen = { "if-match": String(first.body.data?.["etag"]) };
    expect((await put("/replaced.css", "b{}", seen)).status).toBe(200);
    expect((await put("/replaced.css", "c{}", seen)).status).toBe(412);
    expect(await served("replaced.css")).toBe("b{}");
    expect((await put("/nothing.css", "c{}", seen)).status).toBe(412);
    expect(await stored("nothing.css")).toBeUndefined();
  });

  it("never replaces a name that promises its bytes", async () => {
    const first = await put("/app.0a1b2c3d.js", "1");
    expect(await put("/app.0a1b2c3d.js", "2", { "if-match": String(first.body.data?.["etag"]) })).toMatchObject({ status: 409 });
    expect(await stored("app.0a1b2c3d.js")).toBe("1");
  });

  it("stores nothing of a body that is not what its digest says", async () => {
    expect(await put("/digest.js", "abc", { ...absent, "content-digest": digestOf("abd") })).toMatchObject({
      status: 400,
      body: { error: { details: { parameter: "content-digest" } } },
    });
    expect(await stored("digest.js")).toBeUndefined();
  });

  it("lists by prefix, page by page, each once", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await put(`/list/${name}.txt`, name);
    const pages: string[][] = [];
    let cursor = "";
    do {
      const response = await app.request(`https://edge.test/ops/assets?prefix=list/&limit=2${cursor}`, { headers: operator }, env);
      const { data, pagination } = (await response.json()) as {
        data: { path: string }[];
        pagination: { has_next: boolean; cursor?: string };
      };
      pages.push(data.map(({ path }) => path));
      cursor = pagination.has_next ? `&cursor=${pagination.cursor}` : "";
    } while (cursor !== "");
    expect(pages).toEqual([["list/a.txt", "list/b.txt"], ["list/c.txt", "list/d.txt"], ["list/e.txt"]]);
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["cursor=nonsense", "cursor"],
    [`prefix=${"a".repeat(assetPathCharsMax + 1)}`, "prefix"],
    ["sort=size", "sort"],
  ])("a listing with %s is refused by name", async (query, parameter) => {
    expect(await ask("GET", `?${query}`)).toMatchObject({ status: 400, body: { error: { details: { parameter } } } });
  });

  it("deletes what the operator has seen, and may be told twice", async () => {
    await put("/gone.txt", "1");
    expect(await served("gone.txt")).toBe("1");
    expect((await ask("DELETE", "/gone.txt", { headers: { "if-match": '"other"' } })).status).toBe(412);
    expect(await ask("DELETE", "/gone.txt")).toMatchObject({ status: 200, body: { data: { deleted: true } } });
    expect(await ask("DELETE", "/gone.txt")).toMatchObject({ status: 200, body: { data: { deleted: false } } });
    expect([await stored("gone.txt"), (await ask("GET", "/gone.txt")).status]).toEqual([undefined, 404]);
    expect(await served("gone.txt")).toContain("NOT_FOUND");
  });

  it("takes an empty one", async () => {
    expect((await put("/empty.txt", "")).status).toBe(201);
    expect(await stored("empty.txt")).toBe("");
  });
});

describe("an upload that", () => {
  const head = { bytes: 6, sha256: undefined, condition: { kind: "absent" } } as const;
  const deps = { bucket: env.BACKEND_ASSETS, timeoutMs: 20_000 };
  const half = (then: (controller: ReadableStreamDefaultController<Uint8Array>) => void): ReadableStream<Uint8Array> => {
    let isFirst = true;
    return new ReadableStream({
      pull(controller) {
        if (isFirst) controller.enqueue(new TextEncoder().encode("abc"));
        else then(controller);
        isFirst = false;
      },
    });
  };

  it.each<[string, (controller: ReadableStreamDefaultController<Uint8Array>) => void]>([
    ["ends early", (controller) => controller.close()],
    ["breaks off", (controller) => controller.error(new Error("the line is dead"))],
    ["goes on too long", (controller) => controller.enqueue(new TextEncoder().encode("abcdefghi"))],
  ])("%s leaves nothing behind", async (name, then) => {
    const key = `${name.replaceAll(" ", "-")}.txt`;
    await expect(receiveAsset(key, { ...head, body: half(then) }, deps)).rejects.toMatchObject({ code: "INVALID_PARAMETERS", status: 400 });
    expect(await stored(key)).toBeUndefined();
  });

  it("never comes to its end is given up, and its sender is told to stop", async () => {
    let isStopped = false;
    let isFirst = true;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (isFirst) controller.enqueue(new TextEncoder().encode("abc"));
        isFirst = false;
        return isFirst ? undefined : new Promise(() => undefined);
      },
      cancel: () => void (isStopped = true),
    });
    await expect(receiveAsset("slow.txt", { ...head, body }, { ...deps, timeoutMs: 20 })).rejects.toMatchObject({ status: 408 });
    expect([isStopped, await stored("slow.txt")]).toEqual([true, undefined]);
  });
});
