import { describe, expect, it } from "vitest";
import { judgeAnswer, passedHeaders, refusalOf, saidIn, secondsOf } from "./answer.ts";

function judge(status: number, headers: Record<string, string> = {}) {
  return judgeAnswer({ status, headers: new Headers(headers) }, 1_000);
}
const jsonType = { "content-type": "application/json" };

describe("an answer", () => {
  it.each([301, 302, 303, 304, 307, 308])("that redirects with %i is never followed and never passed on", (status) => {
    expect(judge(status, { location: "http://169.254.169.254/latest/meta-data", ...jsonType })).toMatchObject({
      kind: "fault",
      retryable: false,
      isOrigins: false,
    });
  });

  it.each([
    [500, false],
    [501, false],
    [502, true],
    [503, true],
    [504, true],
  ])("of %i is the origin's fault; asking again helps: %s", (status, retryable) => {
    expect(judge(status)).toMatchObject({ kind: "fault", isOrigins: true, retryable });
  });

  it.each([{ "content-type": "text/html" }, { "content-type": "text/plain" }, { "content-type": "application/jsonp" }, {}])(
    "with %j is no data",
    (headers) => {
      expect(judge(200, headers as Record<string, string>).kind).toBe("fault");
    },
  );

  it("that announces more than it may have is not begun", () => {
    expect(judge(200, { ...jsonType, "content-length": "1001" }).kind).toBe("fault");
    expect(judge(200, { ...jsonType, "content-length": "1000" }).kind).toBe("answer");
  });

  it("of 204 needs no type", () => {
    expect(judge(204).kind).toBe("answer");
  });
});

it("passes the headers on that are about the data, and none that say who answered or set anything", () => {
  const sent = {
    "content-type": "application/json",
    etag: '"1"',
    "cache-control": "max-age=5",
    vary: "Accept",
    "set-cookie": "session=1",
    server: "nginx/1.18",
    "x-powered-by": "Express",
    "access-control-allow-origin": "*",
    "content-encoding": "gzip",
    "content-length": "10",
    location: "http://10.0.0.1/",
    "strict-transport-security": "max-age=0",
    "clear-site-data": '"*"',
    "x-request-id": "theirs",
    "transfer-encoding": "chunked",
    refresh: "0; url=http://evil.example",
  };
  expect([...passedHeaders(new Headers(sent)).keys()].toSorted()).toEqual(["cache-control", "content-type", "etag", "vary"]);
});

describe("what a refusal says", () => {
  it.each([
    ['{"success":false,"error":{"code":"BAD","message":"no such chain"}}', { code: "BAD", message: "no such chain" }],
    ['{"error":"no such chain"}', { message: "no such chain" }],
    ['{"message":"no such chain","code":7}', { code: "7", message: "no such chain" }],
    ['{"error":{"message":"Error: x\\n    at Object.<anonymous> (/srv/app/index.js:1:7)","stack":"secret"}}', { message: "Error: x" }],
    ["[1]", {}],
    ["<html>", {}],
    [undefined, {}],
  ])("of %j is a code and a sentence", (text, said) => {
    expect(saidIn(text)).toEqual(said);
  });

  it("has bounds", () => {
    expect(saidIn(JSON.stringify({ error: { code: "c".repeat(1_000), message: "m".repeat(1_000) } }))).toEqual({
      code: "c".repeat(64),
      message: "m".repeat(300),
    });
  });
});

describe("a refusal", () => {
  const refused = (status: number, route: { judgesCaller?: boolean } = {}, text = '{"error":{"message":"why"}}') =>
    refusalOf({ route, status, text, retryAfter: "7" });

  it.each([
    [400, "INVALID_PARAMETERS", 400],
    [404, "NOT_FOUND", 404],
    [409, "CONFLICT", 409],
    [422, "INVALID_PARAMETERS", 422],
    [418, "INVALID_PARAMETERS", 400],
  ])("of %i is told as %s %i with what the backend said", (status, code, told) => {
    expect(refused(status)).toMatchObject({
      code,
      status: told,
      message: "why",
      sent: "refused",
      details: { backend: { status, message: "why" } },
    });
  });

  it.each([401, 403])("of %i is the edge's own, unless the caller's credentials were in what he sent", (status) => {
    expect(refused(status)).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 502 });
    expect(JSON.stringify(refused(status).details)).not.toContain("why");
    expect(refused(status, { judgesCaller: true })).toMatchObject({ status });
  });

  it("for too many calls is no client's fault", () => {
    expect(refused(429)).toMatchObject({ code: "CAPACITY_EXCEEDED", status: 503, retryAfterSeconds: 7 });
  });

  it.each([
    ["7", 7],
    ["0", 1],
    ["99999", 300],
    [null, 1],
    ["Tue, 24 Nov 2026 12:00:00 GMT", 1],
    ["-5", 1],
  ])("with Retry-After %j is tried again after %i s", (header, seconds) => {
    expect(secondsOf(header)).toBe(seconds);
  });
});
