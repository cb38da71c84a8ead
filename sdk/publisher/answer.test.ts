/** What an answer means, for the batch and for each event. */
import { describe, expect, it } from "vitest";
import { readAnswer, resultsOf, retryAfterMs, retryAfterMsMax } from "./answer.ts";
import { delayMs } from "./post.ts";

const nowMs = Date.parse("2026-11-24T02:00:00Z");
const answer = (status: number, body: unknown = {}, retryAfter: string | null = null) =>
  readAnswer({ status, text: typeof body === "string" ? body : JSON.stringify(body), retryAfter }, nowMs);

describe("readAnswer", () => {
  it.each([400, 401, 403, 404, 413, 415])("does not repeat after %i, and names the edge's code", (status) => {
    expect(answer(status, { error: { code: "UNAUTHORIZED", message: "no" } })).toEqual({
      kind: "refused",
      code: "UNAUTHORIZED",
      message: "no",
    });
  });

  it.each([408, 429, 500, 502, 503, 504])("repeats after %i, when it was asked to", (status) => {
    expect(answer(status, "<html>", "2")).toMatchObject({ kind: "again", code: `HTTP_${status}`, retryAfterMs: 2_000 });
  });

  it.each(["", "<html>", "null", "{}", '{"data":{"accepted":1}}'])("takes a 202 without a verdict (%j) for an unknown outcome", (text) => {
    expect(answer(202, text).kind).toBe("again");
  });

  it("reads the verdict of a 202 and of a 422", () => {
    const rejected = [{ index: 0, code: "INVALID_PARAMETERS", message: "bad", path: "time" }];
    expect(answer(202, { data: { accepted: 2, duplicates: 1, rejected } })).toEqual({
      kind: "verdict",
      verdict: { accepted: 2, duplicates: 1, rejected },
    });
    expect(answer(422, { error: { details: { rejected } } })).toEqual({
      kind: "verdict",
      verdict: { accepted: 0, duplicates: 0, rejected },
    });
  });
});

it("gives each event its own result, in order", () => {
  const rejected = [{ index: 1, code: "INVALID_PARAMETERS", message: "bad", path: "data.risk_score" }];
  expect(resultsOf(["a", "b", "c"], { accepted: 2, duplicates: 0, rejected })).toEqual([
    { kind: "durable", id: "a" },
    { kind: "rejected", id: "b", code: "INVALID_PARAMETERS", message: "bad", path: "data.risk_score" },
    { kind: "durable", id: "c" },
  ]);
});

it.each([
  [null, 0],
  ["", 0],
  ["soon", 0],
  ["-5", 0],
  ["1.5", 1_500],
  ["Tue, 24 Nov 2026 02:00:03 GMT", 3_000],
  ["Tue, 24 Nov 2026 01:00:00 GMT", 0],
  ["99999999", retryAfterMsMax],
  ["Infinity", retryAfterMsMax],
])("reads Retry-After %j as %i ms", (header, ms) => {
  expect(retryAfterMs(header, nowMs)).toBe(ms);
});

it.each([
  [1, 0, 0, 0],
  [1, 0, 0.5, 200],
  [3, 0, 0.5, 800],
  [40, 0, 1, 15_000],
  [1, 2_000, 0, 2_000],
  [1, 2_000, 0.5, 2_200],
])("after attempt %i, asked for %i ms, with chance %d waits %i ms", (attempt, askedMs, random, ms) => {
  expect(delayMs(attempt, askedMs, random)).toBe(ms);
});
