import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { batchText, failed, jsonOf, shownHeaders } from "./answer.ts";
import { BatchBody, headersOfPart } from "./plan.ts";
import type { Part } from "./plan.ts";

const one = (part: unknown) => BatchBody.safeParse({ requests: [part] });
const fault = (part: unknown): string => one(part).error?.issues[0]?.path.join(".") ?? "taken";

describe("an address of a part", () => {
  it.each([
    "/api/batch",
    "/api/batch/",
    "/api/batch?x=1",
    "/api/%62atch",
    "/api/x/../batch",
    "/api/./batch",
    "/api/%2e/batch",
    "/api/x%2f..%2fbatch",
    "/api/x%5c..%5cbatch",
    "/api/../ops/channels",
    "/api/%2e%2e/ops/channels",
    "/api/..%2fops/channels",
    "/ops/channels",
    "/ws",
    "/api",
    "//evil.example/api/x",
    "https://evil.example/api/x",
    "/api/\\evil.example",
    "/api/x#y",
    "/api/a b",
    "/api/a\r\nhost: evil",
    "/api/%zz",
    "@evil.example/api/",
    "",
    `/api/${"x".repeat(4_100)}`,
  ])("is refused when it is %j", (path) => {
    expect(fault({ method: "GET", path })).toBe("requests.0.path");
  });

  it.each(["/api/opportunities?limit=5&chain=base", "/api/proxy/strategies", "/api/opportunities/a%3Ab"])(
    "is taken when it is %s",
    (path) => {
      expect(fault({ method: "GET", path })).toBe("taken");
    },
  );
});

describe("a part", () => {
  it.each([
    [{ method: "TRACE", path: "/api/x" }, "requests.0.method"],
    [{ method: "get", path: "/api/x" }, "requests.0.method"],
    [{ method: "GET", path: "/api/x", body: {} }, "requests.0.body"],
    [{ method: "GET", path: "/api/x", headers: { authorization: "Bearer other" } }, "requests.0.headers"],
    [{ method: "GET", path: "/api/x", headers: { host: "evil" } }, "requests.0.headers"],
    [{ method: "GET", path: "/api/x", headers: { "cf-connecting-ip": "1.1.1.1" } }, "requests.0.headers"],
    [{ method: "GET", path: "/api/x", headers: { accept: "x".repeat(513) } }, "requests.0.headers.accept"],
    [{ method: "GET", path: "/api/x", id: "x".repeat(129) }, "requests.0.id"],
    [{ method: "GET", path: "/api/x", url: "/" }, "requests.0"],
  ])("like %j is refused by name", (part, path) => {
    expect(fault(part)).toBe(path);
  });

  it("is sent as who sent the batch, and says nothing else of him", () => {
    const part: Part = { method: "POST", path: "/api/x", headers: { "idempotency-key": "k" }, body: { a: 1 } };
    const outer = new Headers({
      authorization: "Bearer mine",
      "x-api-key": "key",
      "cf-connecting-ip": "192.0.2.1",
      "content-length": "999",
      "accept-encoding": "br",
      cookie: "a=b",
      "content-encoding": "gzip",
      "x-forwarded-for": "10.0.0.1",
    });
    expect(Object.fromEntries(headersOfPart(part, outer))).toEqual({
      authorization: "Bearer mine",
      "x-api-key": "key",
      "cf-connecting-ip": "192.0.2.1",
      "content-type": "application/json",
      "idempotency-key": "k",
    });
  });
});

it.each([[[]], [Array.from({ length: 21 }, () => ({ method: "GET", path: "/api/x" }))]])(
  "a batch of none or of 21 is refused",
  (requests) => {
    expect(BatchBody.safeParse({ requests }).error?.issues[0]?.path).toEqual(["requests"]);
  },
);

describe("the answer", () => {
  const part: Part = { id: "a", method: "GET", path: "/api/x", headers: {} };

  it("holds each body as it came: no number is read and written anew", () => {
    const body = '{"wei":1000209768293722043,"price":1.50}';
    const text = batchText([part], [{ status: 200, headers: {}, body }], 1_000);
    expect(text).toBe(`{"success":true,"data":[{"id":"a","status":200,"headers":{},"body":${body}}]}`);
  });

  it("is JSON whatever a part answered", () => {
    const texts = [
      jsonOf("", null),
      jsonOf("{", "application/json"),
      jsonOf('"quoted" <b>', "text/html"),
      jsonOf("[1]", "application/json"),
    ];
    expect(texts).toEqual([undefined, '"{"', '"\\"quoted\\" <b>"', "[1]"]);
    const answers = texts.map((body) => ({ status: 200, headers: {}, body }));
    const parsed = JSON.parse(
      batchText(
        answers.map(() => part),
        answers,
        1_000,
      ),
    ) as { data: { body?: unknown }[] };
    expect(parsed.data.map(({ body }) => body)).toEqual([undefined, "{", '"quoted" <b>', [1]]);
  });

  it("keeps its bound: what does not fit keeps its status and loses its body", () => {
    const large = { status: 201, headers: {}, body: JSON.stringify("x".repeat(300)) };
    const small = { status: 200, headers: {}, body: "1" };
    const text = batchText([part, part, part], [large, large, small], 500);
    const { data } = JSON.parse(text) as { data: { status: number; body: unknown }[] };
    expect(data.map(({ status }) => status)).toEqual([201, 201, 200]);
    expect(data.map(({ body }) => typeof body)).toEqual(["string", "object", "number"]);
    expect(data[1]?.body).toMatchObject({ error: { code: "CAPACITY_EXCEEDED" } });
  });

  it("shows headers that a part's reader needs, and no cookie", () => {
    const headers = new Headers({ etag: '"1"', "retry-after": "3", "set-cookie": "a=b", "x-internal": "1" });
    expect(shownHeaders(headers)).toEqual({ etag: '"1"', "retry-after": "3" });
  });

  it("tells a failure as every failure is told", () => {
    expect(failed(new AppError("UPSTREAM_TIMEOUT", "late", { details: { a: 1 } }))).toMatchObject({
      status: 504,
      body: '{"success":false,"error":{"code":"UPSTREAM_TIMEOUT","message":"late","details":{"a":1}}}',
    });
  });
});
