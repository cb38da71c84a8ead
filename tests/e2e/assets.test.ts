/** Assets as a browser and an operator see them, over the line of the running edge. */
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { askRaw, openRaw } from "./raw-http.ts";
import type { RawAnswer } from "./raw-http.ts";

const operator = { "x-api-key": "dev-ops-key-0001" };
const mebibyte = 1_048_576;

let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

const put = (path: string, body: Uint8Array | string, headers: Record<string, string> = { "if-none-match": "*" }): Promise<RawAnswer> =>
  askRaw(`${edge.url}/ops/assets/${path}`, {
    method: "PUT",
    headers: { ...operator, "content-length": String(Buffer.byteLength(body)), ...headers },
    body,
  });
const dataOf = ({ body }: RawAnswer): Record<string, unknown> => (JSON.parse(body.toString()) as { data: Record<string, unknown> }).data;

it("takes a large film, and gives it back whole and in parts", async () => {
  const film = randomBytes(20 * mebibyte);
  const digest = createHash("sha256").update(film).digest();
  const stored = await put("film.mp4", film, { "if-none-match": "*", "content-digest": `sha-256=:${digest.toString("base64")}:` });
  expect([stored.status, dataOf(stored)["sha256"]]).toEqual([201, digest.toString("hex")]);
  const url = `${edge.url}/assets/film.mp4`;
  const whole = await askRaw(url, { headers: { "accept-encoding": "br, zstd" } });
  expect([whole.status, whole.headers["content-length"], whole.headers["content-encoding"]]).toEqual([
    200,
    String(film.byteLength),
    undefined,
  ]);
  expect(Buffer.compare(whole.body, film)).toBe(0);
  const parts: Buffer[] = [];
  for (let from = 0; from < film.byteLength; from += 6 * mebibyte) {
    const range = `bytes=${from}-${from + 6 * mebibyte - 1}`;
    const part = await askRaw(url, { headers: { range, "if-range": String(whole.headers.etag) } });
    expect([part.status, part.headers["content-length"]]).toEqual([206, String(part.body.byteLength)]);
    parts.push(part.body);
  }
  expect(Buffer.compare(Buffer.concat(parts), film)).toBe(0);
  const head = await askRaw(url, { method: "HEAD" });
  expect([head.headers["content-length"], head.headers.etag, head.body.byteLength]).toEqual([
    String(film.byteLength),
    whole.headers.etag,
    0,
  ]);
});

it("serves a script encoded to who takes it, and 304 to who holds that", async () => {
  const script = "export const answer = 42;\n".repeat(2_000);
  expect((await put("js/app.0a1b2c3d.js", script)).status).toBe(201);
  const url = `${edge.url}/assets/js/app.0a1b2c3d.js`;
  // The second comes from the cache.
  for (let time = 0; time < 2; time += 1) {
    const { headers, body } = await askRaw(url, { headers: { "accept-encoding": "br" } });
    expect(brotliDecompressSync(body).toString()).toBe(script);
    expect(headers).toMatchObject({
      "content-encoding": "br",
      "cache-control": "public, max-age=31536000, immutable",
      "content-type": "text/javascript; charset=utf-8",
      "x-content-type-options": "nosniff",
    });
    expect(headers["content-length"]).toBe(String(body.byteLength));
    const again = await askRaw(url, { headers: { "accept-encoding": "br", "if-none-match": String(headers.etag) } });
    expect([again.status, again.body.byteLength]).toEqual([304, 0]);
  }
});

it("lets two operators notice each other", async () => {
  const first = dataOf(await put("shared.css", "a{}"));
  const seen = { "if-match": String(first["etag"]) };
  const answers = await Promise.all([put("shared.css", "b{}", seen), put("shared.css", "c{}", seen)]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
});

it.each(["/assets/../wrangler.toml", "/assets/..%2f..%2fwrangler.toml", "/assets/%2e%2e/x", "/assets//etc/passwd", "/assets/a%00.png"])(
  "finds nothing behind %s",
  async (path) => {
    // As it stands: HTTP clients tidy a path before they send it.
    const socket = connect(edge.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nhost: edge.test\r\nconnection: close\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 (400|404) /);
    expect(text).not.toMatch(/root:|arbitragex-edge"/);
  },
);

it("stores nothing of an upload whose sender goes away", async () => {
  const { sent, answer } = openRaw(`${edge.url}/ops/assets/broken.bin`, {
    method: "PUT",
    headers: { ...operator, "if-none-match": "*", "content-length": String(mebibyte) },
  });
  answer.catch(() => undefined);
  await new Promise((resolve) => sent.write(randomBytes(mebibyte / 2), resolve));
  sent.destroy();
  expect((await put("after.txt", "still here")).status).toBe(201);
  expect((await askRaw(`${edge.url}/ops/assets/broken.bin`, { headers: operator })).status).toBe(404);
});
