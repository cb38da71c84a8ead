/** What every command shares: how a run ends, and how it says so. */
import { describe, expect, it, vi } from "vitest";
import { Interrupted, PipeClosed } from "./errors.ts";
import { commands } from "./program.ts";
import { answer, edgeUrl, failure, nowhere, runFake } from "./testing/fake-world.ts";

describe("an edge that", () => {
  it.each([
    [401, "UNAUTHORIZED", 4],
    [403, "FORBIDDEN", 4],
    [404, "NOT_FOUND", 5],
    [409, "CONFLICT", 6],
    [412, "CONFLICT", 6],
    [400, "INVALID_PARAMETERS", 2],
    [422, "INVALID_PARAMETERS", 2],
    [429, "RATE_LIMIT_EXCEEDED", 1],
    [500, "INTERNAL", 1],
    [503, "UPSTREAM_UNAVAILABLE", 1],
  ])("answers %i %s ends the run with %i, and its words are shown", async (status, code, exit) => {
    const ended = await runFake(["channels"], { edge: () => failure(status, code, { parameter: "from" }) });
    expect(ended.code).toBe(exit);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toBe(`arbx: ${code} [from]: it is ${code} (request req-1)\n`);
  });

  it("cannot be reached is asked three times, then named, and the run ends with 3", async () => {
    const edge = vi.fn(() => Promise.reject(new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") })));
    const ended = await runFake(["channels"], { edge });
    expect(edge).toHaveBeenCalledTimes(3);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain(`${edgeUrl} cannot be reached: connect ECONNREFUSED`);
  });

  it("is busy for a moment is asked again", async () => {
    const edge = vi.fn(() => answer([])).mockReturnValueOnce(failure(503, "UPSTREAM_UNAVAILABLE"));
    expect((await runFake(["channels"], { edge })).code).toBe(0);
  });

  it("never answers is given up in time, and not asked again", async () => {
    const edge = vi.fn(() => new Promise<Response>(() => undefined));
    const ended = await runFake(["channels", "--timeout", "0.05"], { edge });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain("did not answer within 0.05 s");
    expect(edge).toHaveBeenCalledTimes(1);
  });

  it("stops in the middle of its answer is given up in time", async () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"succ')) });
    const ended = await runFake(["channels", "--timeout", "0.05"], { edge: () => new Response(body) });
    expect(ended.code).toBe(3);
  });

  it.each(["<html>", "{}", '{"success":true}', "[]"])("is none, as it answers %s, is recognised", async (text) => {
    const ended = await runFake(["channels"], { edge: () => new Response(text) });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("NO_EDGE");
  });

  it("sends more than an answer may have is cut off", async () => {
    const megabyte = new Uint8Array(1_048_576).fill(32);
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(megabyte) });
    const ended = await runFake(["channels"], { edge: () => new Response(body) });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("ANSWER_TOO_LARGE");
  });
});

it("tells an error as one object with --json, and keeps stdout for results", async () => {
  const ended = await runFake(["channels", "--json"], { edge: () => failure(403, "FORBIDDEN") });
  expect(JSON.parse(ended.stderr)).toEqual({ error: { code: "FORBIDDEN", message: "it is FORBIDDEN", request_id: "req-1", exit_code: 4 } });
  expect(ended.stdout).toBe("");
});

describe("asked wrongly", () => {
  it.each([
    [["--what"], "unknown option '--what'"],
    [["chanels"], "Did you mean channels?"],
    [["cache", "show", "too", "many"], "too many arguments"],
    [["channels", "--timeout", "soon"], "must be a number of seconds"],
    [["log"], "a command is missing"],
  ])("%j: says why, ends with 2 and asks nothing of the edge", async (argv, reason) => {
    const ended = await runFake(argv);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(reason);
    expect(ended.asked).toEqual([]);
  });

  it("without a command, shows the help and ends with 2", async () => {
    const ended = await runFake([]);
    expect([ended.code, ended.stdout]).toEqual([2, expect.stringContaining("Usage: arbx")]);
  });
});

describe("a key", () => {
  it("goes as X-API-Key, a token as Bearer", async () => {
    const keyed = await runFake(["channels"], { edge: () => answer([]) });
    expect(keyed.asked[0]?.headers.get("x-api-key")).toBe("ops-key");
    const tokened = await runFake(["channels"], { env: { ARBX_URL: edgeUrl, ARBX_KEY: "aa.bb.cc" }, edge: () => answer([]) });
    expect(tokened.asked[0]?.headers.get("authorization")).toBe("Bearer aa.bb.cc");
    expect(tokened.asked[0]?.headers.has("x-api-key")).toBe(false);
  });

  it("that is missing ends the run with 4 before anything is asked", async () => {
    const ended = await runFake(["channels"], { env: { ARBX_URL: edgeUrl } });
    expect([ended.code, ended.asked]).toEqual([4, []]);
    expect(ended.stderr).toContain("set ARBX_KEY");
  });

  it("never travels in the clear", async () => {
    const ended = await runFake(["channels"], { env: { ARBX_URL: "http://edge.test", ARBX_KEY: "ops-key" } });
    expect([ended.code, ended.asked]).toEqual([2, []]);
    expect(ended.stderr).toContain("in the clear");
  });
});

describe("Ctrl-C", () => {
  it("ends a request that hangs, with 130", async () => {
    const stop = new AbortController();
    const ended = await runFake(["channels"], {
      signal: stop.signal,
      edge: () => {
        stop.abort(new Interrupted());
        return new Promise<Response>(() => undefined);
      },
    });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([130, "", "arbx: INTERRUPTED: interrupted\n"]);
  });

  it("before the first request lets none out", async () => {
    const ended = await runFake(["channels"], { signal: AbortSignal.abort(new Interrupted()) });
    expect([ended.code, ended.asked]).toEqual([130, []]);
  });
});

it("ends quietly when the reader of its output is gone", async () => {
  const ended = await runFake(["channels"], { signal: AbortSignal.abort(new PipeClosed()) });
  expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, "", ""]);
});

it.each(Object.keys(commands))("%s --help answers without a profile, a key or an edge", async (name) => {
  const ended = await runFake([name, "--help"], { env: {}, home: nowhere });
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain(`Usage: arbx ${name}`);
  expect([ended.stderr, ended.asked]).toEqual(["", []]);
});
