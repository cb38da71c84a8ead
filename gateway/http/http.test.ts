import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { ask } from "./ask.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { matchesTag, taggedJson, tagOf } from "./etag.ts";
import { parseQuery } from "./query.ts";

function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a cursor", () => {
  const Cursor = z.object({ v: z.literal(1), key: z.number(), id: z.string() });

  it.each([
    ["not base64url", "%%%"],
    ["base64url of something that is not JSON", "bm90LWpzb24"],
    ["base64url of bytes that are not UTF-8", "_____w"],
    ["of another listing", encodeCursor({ v: 1, key: "text", id: "a" })],
    ["longer than any of ours", encodeCursor({ v: 1, key: 1, id: "a".repeat(4_000) })],
    ["empty", ""],
  ])("that is %s is refused by name", (_, text) => {
    const error = refusal(() => decodeCursor(Cursor, text));
    expect([error.code, error.details]).toEqual(["INVALID_PARAMETERS", { parameter: "cursor" }]);
  });

  it("comes back as it went, in characters an address needs not escape", () => {
    const value = { v: 1, key: 12.5, id: "ÿ/+日本" } as const;
    expect(encodeCursor(value)).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(decodeCursor(Cursor, encodeCursor(value))).toEqual(value);
  });
});

describe("a query", () => {
  const Query = z.object({ chain: z.string().min(2, "too short").optional(), limit: z.coerce.number().default(7) });
  const parse = (text: string) => parseQuery(Query, new URLSearchParams(text));

  it.each([
    ["limits=5", "limits", "unknown parameter; known are chain, limit"],
    ["__proto__=5", "__proto__", "unknown parameter; known are chain, limit"],
    ["chain=base&chain=bsc", "chain", "given more than once"],
    ["chain=x", "chain", "too short"],
  ])("%s is refused by name", (text, parameter, message) => {
    const error = refusal(() => parse(text));
    expect([error.code, error.message, error.details]).toEqual(["INVALID_PARAMETERS", `${parameter}: ${message}`, { parameter }]);
  });

  it("takes defaults where nothing is said", () => {
    expect(parse("chain=base")).toEqual({ chain: "base", limit: 7 });
  });
});

describe("a tag", () => {
  it("is that of the very text it comes with", async () => {
    const response = taggedJson({ a: 1 });
    expect(response.headers.get("etag")).toBe(tagOf(await response.text()));
  });

  it.each([["*"], ['W/"x"'], ['"x"'], ['"a", "x"']])("compares weakly: %s matches", (header) => {
    expect(matchesTag(header, 'W/"x"')).toBe(true);
  });

  it("has equal tags for equal texts only", () => {
    expect(tagOf("a")).toBe(tagOf("a"));
    expect(tagOf("a")).not.toBe(tagOf("b"));
  });
});

describe("a question to another part", () => {
  it.each<[string, () => Promise<never>, string, number]>([
    ["stays silent", () => new Promise(() => undefined), "UPSTREAM_TIMEOUT", 504],
    ["fails", () => Promise.reject(new Error("secret")), "UPSTREAM_UNAVAILABLE", 503],
    ["refuses", () => Promise.reject(new AppError("NOT_FOUND", "the channel has none")), "NOT_FOUND", 404],
  ])("that %s is told as what it is, with nothing of the error", async (...[, work, code, status]) => {
    const error: unknown = await ask(work(), { what: "the channel", timeoutMs: 10 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, status, message: expect.stringMatching(/^the channel [a-z ]+$/) });
  });

  it("that fails leaves its cause in the log, and one that refuses none", async () => {
    const log = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await ask(Promise.reject(new Error("no such table")), { what: "the hot cache" }).catch(() => undefined);
    await ask(Promise.reject(new AppError("NOT_FOUND", "there is none")), { what: "the hot cache" }).catch(() => undefined);
    expect(log.mock.calls).toEqual([[JSON.stringify({ event: "ask.failed", what: "the hot cache", reason: "no such table" })]]);
    log.mockRestore();
  });
});
