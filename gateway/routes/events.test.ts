/** The whole way in: HTTP request to Channel object, and every status code on the way. */
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { refusedReadBytesMax } from "../../schemas/limits.ts";
import type { PublishReply } from "../../schemas/rpc.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { opportunityData, sentEvent } from "../../tests/support/sent-events.ts";
import { app } from "../app.ts";

const key = "test-ingest-key-1";
const type = "opportunity.detected";

interface Posting {
  readonly query?: string;
  readonly headers?: Record<string, string>;
  readonly env?: Partial<Env>;
}

async function post(body: BodyInit, posting: Posting = {}): Promise<Response> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}`, ...posting.headers };
  return await app.request(`/api/events${posting.query ?? ""}`, { method: "POST", body, headers }, { ...env, ...posting.env });
}

async function codeOf(response: Response): Promise<[status: number, code: string]> {
  const body = await response.json<{ error: { code: string } }>();
  return [response.status, body.error.code];
}

function channelThat(reply: () => Promise<PublishReply>): Partial<Env> {
  const namespace = { idFromName: (name: string) => name, get: () => ({ publish: reply }) };
  return { CHANNELS: namespace } as object;
}

const down = async (): Promise<PublishReply> => {
  throw new Error("down");
};

function inbox(sendBatch: (messages: Iterable<MessageSendRequest>) => Promise<unknown>): Partial<Env> {
  return { INBOX: { sendBatch } } as object;
}

it.each([
  ["no key", {}],
  ["a wrong key", { authorization: "Bearer wrong" }],
  ["a wrong API key", { "x-api-key": "wrong" }],
  ["another scheme", { authorization: `Basic ${key}` }],
  ["all keys in one", { "x-api-key": "test-ingest-key-1,test-ingest-key-2" }],
  ["the operator's key", { "x-api-key": "test-ops-key" }],
])("answers 401 to %s before it looks at the body", async (_, credentials: Record<string, string>) => {
  const headers = { authorization: "", "content-type": "text/plain", ...credentials };
  expect(await codeOf(await post("{", { headers }))).toEqual([401, "UNAUTHORIZED"]);
});

it.each([
  ["Authorization", { authorization: "bearer test-ingest-key-2" }],
  ["X-API-Key", { authorization: "", "x-api-key": key }],
  ["X-API-Key beside another system's bearer", { authorization: "Bearer something-else", "x-api-key": key }],
])("takes a key in %s", async (_, headers: Record<string, string>) => {
  expect((await post(JSON.stringify(sentEvent(type)), { headers })).status).toBe(202);
});

it("answers 202 with what was accepted, what was known and what was wrong", async () => {
  const first = sentEvent(type);
  const bad = sentEvent(type, { data: opportunityData({ estimated_profit: 24.5 }) });
  const response = await post(JSON.stringify([first, bad, first, sentEvent("execution.submitted")]));
  expect(response.status).toBe(202);
  const rejected = [{ index: 1, id: bad.id, code: "INVALID_PARAMETERS", message: expect.any(String), path: "data.estimated_profit" }];
  expect(await response.json()).toEqual({ success: true, data: { accepted: 2, duplicates: 1, rejected } });
});

it("counts a repeat in a later request as a duplicate", async () => {
  const event = JSON.stringify(sentEvent(type));
  await post(event);
  expect(await (await post(event)).json()).toMatchObject({ data: { accepted: 0, duplicates: 1, rejected: [] } });
});

it("takes NDJSON and names the line that is wrong", async () => {
  const body = `${JSON.stringify(sentEvent(type))}\n{"id":\n${JSON.stringify(sentEvent(type))}`;
  const response = await post(body, { headers: { "content-type": "application/x-ndjson" } });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ data: { accepted: 2, rejected: [{ index: 1, code: "INVALID_PARAMETERS" }] } });
});

it("answers 422 with every reason when no event is valid", async () => {
  const response = await post(JSON.stringify([sentEvent("opportunity.invented"), sentEvent(type, { time: "2099-01-01T00:00:00Z" })]));
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    success: false,
    error: {
      code: "INVALID_PARAMETERS",
      details: {
        rejected: [
          { index: 0, path: "type" },
          { index: 1, path: "time" },
        ],
      },
    },
  });
});

const refusals: readonly { what: string; body: string; posting?: Posting; expected: [status: number, code: string] }[] = [
  { what: "malformed JSON", body: "[{", expected: [400, "INVALID_PARAMETERS"] },
  { what: "an empty batch", body: "[]", expected: [400, "INVALID_PARAMETERS"] },
  {
    what: "another media type",
    body: "{}",
    posting: { headers: { "content-type": "text/csv" } },
    expected: [415, "UNSUPPORTED_MEDIA_TYPE"],
  },
  { what: "a batch too long", body: `[${"{},".repeat(1_000)}{}]`, expected: [413, "PAYLOAD_TOO_LARGE"] },
  { what: "a body too large", body: " ".repeat(1_048_577), expected: [413, "PAYLOAD_TOO_LARGE"] },
  { what: "an unknown delivery", body: "{}", posting: { query: "?delivery=slow" }, expected: [400, "INVALID_PARAMETERS"] },
  { what: "an empty delivery", body: "{}", posting: { query: "?delivery=" }, expected: [400, "INVALID_PARAMETERS"] },
];

it.each(refusals)("refuses $what", async ({ body, posting, expected }) => {
  expect(await codeOf(await post(body, posting))).toEqual(expected);
});

it.each([
  ["so that the answer is seen, up to a bound", refusedReadBytesMax, "identity", true],
  ["and not beyond it", refusedReadBytesMax + 1, "identity", false],
  ["as it was sent, whatever it would inflate to", refusedReadBytesMax, "gzip", true],
])("reads what a body too large announces, %s", async (_, bytes, coding, isRead) => {
  let left = bytes;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const piece = new Uint8Array(Math.min(left, 65_536));
    left -= piece.byteLength;
    controller.enqueue(piece);
    if (left === 0) controller.close();
  };
  const headers = {
    "content-type": "application/json",
    "content-encoding": coding,
    "x-api-key": key,
    "content-length": String(bytes),
  };
  const body = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  const request = new Request("https://edge.test/api/events", { method: "POST", body, headers });
  expect(await codeOf(await app.fetch(request, env))).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  expect([request.bodyUsed, left]).toEqual([isRead, isRead ? 0 : bytes]);
});

it.each(["GET", "PUT", "DELETE"])("answers %s with 405 and the method to use", async (method) => {
  const response = await app.request("/api/events", { method, headers: { "x-api-key": key } }, env);
  expect(response.headers.get("allow")).toBe("POST");
  expect(await codeOf(response)).toEqual([405, "INVALID_PARAMETERS"]);
});

it("parks events as text messages when asked to queue them", async () => {
  const sent: MessageSendRequest[] = [];
  const queue = inbox(async (messages) => sent.push(...messages));
  const response = await post(JSON.stringify([sentEvent(type), sentEvent(type)]), { query: "?delivery=queued", env: queue });
  expect(await response.json()).toMatchObject({ success: true, data: { accepted: 2, duplicates: 0 } });
  expect(sent).toEqual([{ body: expect.stringContaining('"kind":"inbox"'), contentType: "text" }]);
});

it("answers 503 with Retry-After, and says that resending is safe, when neither channel nor inbox takes the events", async () => {
  const queue = inbox(async () => await Promise.reject(new Error("down")));
  const response = await post(JSON.stringify(sentEvent("system.alert")), { env: { ...channelThat(down), ...queue } });
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  const body = await response.json<{ error: { code: string; message: string } }>();
  expect([response.status, body.error.code]).toEqual([503, "UPSTREAM_UNAVAILABLE"]);
  expect(body.error.message).toMatch(/outcome unknown.*again is always safe/);
});

it("answers 503 with the channel's own delay when it is full, and parks nothing", async () => {
  const send = vi.fn(async () => undefined);
  const channel = channelThat(async () => ({ v: 1, kind: "full", retryAfterMs: 2_100 }));
  const response = await post(JSON.stringify(sentEvent("system.alert")), { env: { ...channel, ...inbox(send) } });
  expect(response.headers.get("retry-after")).toBe("3");
  expect(await codeOf(response)).toEqual([503, "CAPACITY_EXCEEDED"]);
  expect(send).not.toHaveBeenCalled();
});

it("carries the request's traceparent into the event", async () => {
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  let text = "";
  const channel = {
    CHANNELS: {
      idFromName: (name: string) => name,
      get: () => ({
        publish: async ({ events }: { events: { text: string }[] }): Promise<PublishReply> => {
          text = events[0]?.text ?? "";
          return { v: 1, kind: "ok", epoch: "e", offsets: [1], duplicates: [] };
        },
      }),
    },
  } as object;
  await post(JSON.stringify(sentEvent("system.alert")), { headers: { traceparent }, env: channel });
  expect(JSON.parse(text)).toMatchObject({ traceparent });
});

it("parks what a stalled channel has not answered, and the channel knows it as a repeat once the late call lands", async () => {
  const stall = Promise.withResolvers<void>();
  const topOf = async (stream: string): Promise<number> => (await channelStub(env, stream).status({ v: 1, stream })).top;
  setFaults({ publish: async () => await stall.promise });
  const sent: MessageSendRequest[] = [];
  const event = sentEvent("market.updated");
  const response = await post(JSON.stringify(event), { env: inbox(async (messages) => sent.push(...messages)) });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ data: { accepted: 1, duplicates: 0 } });
  expect(sent).toEqual([{ body: expect.stringContaining(event.id), contentType: "text" }]);
  stall.resolve();
  setFaults({});
  await vi.waitFor(async () => expect(await topOf("market")).toBe(1));
  expect(await (await post(JSON.stringify(event))).json()).toMatchObject({ data: { accepted: 0, duplicates: 1 } });
});
