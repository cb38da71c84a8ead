/** The running edge, used as its users do: a backend with fetch, the deployed frontend's bare socket, a native client, an operator. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { opportunityJson } from "../support/publications.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const state = freshState();
let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", state])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

interface Answer {
  readonly status: number;
  readonly body: { success: boolean; data?: Record<string, unknown>; error?: { code: string; message: string; details?: unknown } };
}

async function post(body: BodyInit, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${edge.url}/api/events`, {
    method: "POST",
    headers: { "x-api-key": "dev-ingest-key-0001", "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

type Frame = Record<string, unknown> & { type: string };

/** Opens a socket; `until` resolves with all frames once the condition holds for them. */
function open(path: string): { socket: WebSocket; frames: Frame[]; until: (condition: (frames: Frame[]) => boolean) => Promise<Frame[]> } {
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`);
  const frames: Frame[] = [];
  let check = (): void => undefined;
  socket.addEventListener("message", ({ data }) => {
    frames.push(JSON.parse(String(data)) as Frame);
    check();
  });
  const until = (condition: (frames: Frame[]) => boolean): Promise<Frame[]> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`never came; got ${JSON.stringify(frames).slice(0, 2_000)}`)), 15_000);
      check = () => {
        if (!condition(frames)) return;
        clearTimeout(timer);
        resolve(frames);
      };
      check();
    });
  return { socket, frames, until };
}

let serial = 0;
function events(count: number, over: Record<string, unknown> = {}): Record<string, unknown>[] {
  return Array.from({ length: count }, () => ({ ...opportunityJson({ id: `e2e-${process.pid}-${++serial}` }), ...over }));
}

it("answers the backend with a clear code for each mistake, and takes the good neighbours", async () => {
  const [good, bad] = events(2);
  const wrongType = { ...bad, data: { ...(bad?.["data"] as object), risk_score: "high" } };
  expect(await post("{", {})).toMatchObject({ status: 400, body: { error: { code: "INVALID_PARAMETERS" } } });
  expect(await post("[]", { "x-api-key": "wrong" })).toMatchObject({ status: 401, body: { error: { code: "UNAUTHORIZED" } } });
  expect(await post("<x/>", { "content-type": "text/xml" })).toMatchObject({
    status: 415,
    body: { error: { code: "UNSUPPORTED_MEDIA_TYPE" } },
  });
  expect(await post(`[${'"x",'.repeat(300_000)}1]`)).toMatchObject({ status: 413, body: { error: { code: "PAYLOAD_TOO_LARGE" } } });
  expect(
    await post(JSON.stringify([good, wrongType, { ...bad, type: "no.such" }, { ...bad, time: "2099-01-01T00:00:00Z" }])),
  ).toMatchObject({
    status: 202,
    body: {
      data: {
        accepted: 1,
        rejected: [
          { index: 1, path: "data.risk_score" },
          { index: 2, path: "type" },
          { index: 3, path: "time" },
        ],
      },
    },
  });
  expect(await post(JSON.stringify(good))).toMatchObject({ status: 202, body: { data: { accepted: 0, duplicates: 1 } } });
  const lines = `${events(2)
    .map((event) => JSON.stringify(event))
    .join("\n")}\n{"truncated`;
  expect(await post(lines, { "content-type": "application/x-ndjson" })).toMatchObject({
    status: 202,
    body: { data: { accepted: 2, rejected: [{ index: 2 }] } },
  });
});

it("shows the deployed frontend what it understands: numbers, its own ping number, each opportunity new once", async () => {
  const { socket, until } = open("/ws");
  await until((frames) => frames.length > 0);
  socket.send(JSON.stringify({ type: "ping", timestamp: 1234.567800000001 }));
  const pong = (await until((frames) => frames.some(({ type }) => type === "pong"))).find(({ type }) => type === "pong");
  expect(pong).toEqual({ type: "pong", timestamp: 1234.567800000001 });
  const timeMs = Date.now();
  const id = `legacy-${process.pid}`;
  await post(JSON.stringify(opportunityJson({ id: `${id}-1`, entity: id, timeMs })));
  await post(
    JSON.stringify(opportunityJson({ id: `${id}-2`, entity: id, timeMs: timeMs + 2, type: "opportunity.updated", status: "executed" })),
  );
  // An older state that comes late must not bring the opportunity back.
  await post(JSON.stringify(opportunityJson({ id: `${id}-0`, entity: id, timeMs: timeMs + 1, type: "opportunity.updated" })));
  await post(JSON.stringify(opportunityJson({ id: `${id}-end`, timeMs: timeMs + 3 })));
  const mine = (await until((frames) => frames.some(({ data }) => (data as { id?: string })?.id === `${id}-end`))).filter(
    ({ data }) => (data as { id?: string })?.id === id,
  );
  expect(mine.map(({ type }) => type)).toEqual(["opportunity_new", "opportunity_update"]);
  expect(mine[0]?.["data"]).toMatchObject({
    chain: "arbitrum",
    tokenA: "WETH",
    tokenB: "USDC",
    profit: 24.5,
    status: "pending",
    timestamp: timeMs,
  });
  expect(mine[0]?.["data"]).toMatchObject({ gasEstimate: expect.any(Number) });
  expect(mine[1]?.["data"]).toMatchObject({ id, status: "completed" });
  socket.close();
});

it("brings an event from post to socket, to D1 and through the REST API", async () => {
  const { socket, until } = open("/ws/opportunities");
  await until((frames) => frames.some(({ type }) => type === "subscribed"));
  const id = `e2e-${process.pid}-journey`;
  await post(JSON.stringify(opportunityJson({ id })));
  const frames = await until((all) => all.some((frame) => frame["id"] === id));
  expect(frames.at(-1)).toMatchObject({
    type: "opportunity_detected",
    channel: "opportunities",
    prev: expect.any(Number),
    offset: expect.any(Number),
  });
  await expect.poll(async () => (await fetch(`${edge.url}/api/opportunities/${id}`)).status, { timeout: 15_000 }).toBe(200);
  const list = await fetch(`${edge.url}/api/opportunities?limit=1`);
  const again = await fetch(`${edge.url}/api/opportunities?limit=1`, { headers: { "if-none-match": list.headers.get("etag") ?? "" } });
  expect([list.status, again.status]).toEqual([200, 304]);
  socket.close();
});

it("keeps every event it answered 202 for when it is killed that instant, and recognises it when it is sent again", async () => {
  const batch = events(50);
  expect((await post(JSON.stringify(batch))).body.data).toMatchObject({ accepted: 50 });
  await edge.end("SIGKILL");
  edge = await (await EdgeProcess.start(["--no-feed", "--state", state])).healthy();
  expect((await post(JSON.stringify(batch))).body.data).toMatchObject({ accepted: 0, duplicates: 50 });
  const { frames, until, socket } = open("/ws");
  await until(() => frames.length > 0);
  socket.send(JSON.stringify({ type: "subscribe", channel: "opportunities", rewind: 50 }));
  const seen = await until((all) => all.filter(({ id }) => id !== undefined).length >= 50);
  expect(seen.filter(({ id }) => id !== undefined).map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
  socket.close();
});

it("ends with exit code 0 when it is asked to in the instant it first answers", async () => {
  const young = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
  expect(await young.end("SIGTERM")).toBe(0);
});

it("ends with the runtime and its port, and exit code 0, when it is asked to again and again", async () => {
  const young = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
  expect(await young.end("SIGINT", 3)).toBe(0);
  await expect(fetch(young.url)).rejects.toThrow();
});
