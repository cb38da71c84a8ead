import { expect, it } from "vitest";
import { isConditional, verdictOf } from "./conditions.ts";

const uploadedMs = Date.UTC(2026, 10, 24, 12, 0, 0, 400);
const facts = { bytes: 100, etag: '"abc"', uploadedMs };
const at = (deltaSeconds: number): string => new Date(uploadedMs + deltaSeconds * 1_000).toUTCString();
const verdict = (headers: Record<string, string>, method = "GET", bytes = 100) =>
  verdictOf({ method, headers: new Headers(headers) }, { ...facts, bytes });

it.each<[Record<string, string>, string]>([
  [{ "if-match": '"other"' }, "precondition-failed"],
  // A weak tag may be of other bytes.
  [{ "if-match": 'W/"abc"' }, "precondition-failed"],
  [{ "if-match": '"other", "abc"' }, "whole"],
  [{ "if-match": "*" }, "whole"],
  [{ "if-unmodified-since": at(-1) }, "precondition-failed"],
  [{ "if-unmodified-since": at(0) }, "whole"],
  [{ "if-unmodified-since": at(-1), "if-match": '"abc"' }, "whole"],
  [{ "if-none-match": '"abc"' }, "not-modified"],
  [{ "if-none-match": 'W/"abc"' }, "not-modified"],
  [{ "if-none-match": '"a", "abc"' }, "not-modified"],
  [{ "if-none-match": "*" }, "not-modified"],
  [{ "if-none-match": '"other"' }, "whole"],
  [{ "if-none-match": '"other"', "if-modified-since": at(0) }, "whole"],
  [{ "if-modified-since": at(0) }, "not-modified"],
  [{ "if-modified-since": at(60) }, "not-modified"],
  [{ "if-modified-since": at(-1) }, "whole"],
  [{ "if-modified-since": "yesterday" }, "whole"],
  [{ "if-match": '"other"', "if-none-match": '"abc"' }, "precondition-failed"],
  [{ "if-none-match": '"abc"', range: "bytes=0-1" }, "not-modified"],
  [{}, "whole"],
])("%j is answered: %s", (headers, kind) => {
  expect(verdict(headers).kind).toBe(kind);
});

it.each<[string, [number, number] | "whole" | "unsatisfiable"]>([
  ["bytes=0-0", [0, 1]],
  ["bytes=0-99", [0, 100]],
  ["bytes=50-", [50, 50]],
  ["bytes=90-1000", [90, 10]],
  ["bytes=-10", [90, 10]],
  ["bytes=-1000", [0, 100]],
  ["BYTES = 1 - 2", [1, 2]],
  ["bytes=100-", "unsatisfiable"],
  ["bytes=100-200", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=0-1,5-6", "whole"],
  ["bytes=5-2", "whole"],
  ["bytes=-", "whole"],
  ["bytes=a-b", "whole"],
  ["bytes=0x1-2", "whole"],
  ["bytes=-5-", "whole"],
  ["lines=0-1", "whole"],
  ["", "whole"],
  [`bytes=0-${"9".repeat(40)}`, "whole"],
])("range %j of 100 bytes: %j", (range, expected) => {
  const seen = verdict({ range });
  expect(seen.kind === "range" ? [seen.range.offset, seen.range.length] : seen.kind).toEqual(expected);
});

it("a range of nothing cannot be satisfied", () => {
  expect([verdict({ range: "bytes=0-" }, "GET", 0).kind, verdict({ range: "bytes=-1" }, "GET", 0).kind]).toEqual([
    "unsatisfiable",
    "unsatisfiable",
  ]);
});

it("ranges are of GET alone", () => {
  expect(verdict({ range: "bytes=0-1" }, "HEAD").kind).toBe("whole");
});

it.each<[string, string]>([
  ['"abc"', "range"],
  ['"other"', "whole"],
  ['W/"abc"', "whole"],
  [at(0), "range"],
  [at(1), "whole"],
  [at(-1), "whole"],
  ["nonsense", "whole"],
])("a range only if it is still %s: %s", (ifRange, kind) => {
  expect(verdict({ range: "bytes=0-1", "if-range": ifRange }).kind).toBe(kind);
});

it("knows which answers depend on the facts", () => {
  const depends = (headers: Record<string, string>) => isConditional({ method: "GET", headers: new Headers(headers) });
  expect(depends({ accept: "*/*" })).toBe(false);
  for (const name of ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range"])
    expect(depends({ [name]: "x" })).toBe(true);
});
