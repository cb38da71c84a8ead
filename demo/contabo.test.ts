/** The stand-in Contabo against a server that fails as an edge may. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { EdgeEvent } from "../schemas/event.ts";
import { dueBatch, runContabo } from "./contabo.ts";
import { readEventSet } from "./event-set.ts";
import { Ledger } from "./ledger.ts";
import { postBatch } from "./post.ts";
import { LaneRebaser, rebaseEvent } from "./rebase.ts";
import { paceLane, sliceLane, type TimedEvent } from "./timeline.ts";

const arbitrum = readEventSet("arbitrum");
const btc = readEventSet("btc");

type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown } | "hang up";

let server: Server | undefined;
afterEach(() => server?.close());

/** Answers request n with `answer(n, body)`; keeps every body. */
async function serve(answer: (count: number, body: string) => Answer): Promise<{ baseUrl: string; bodies: string[] }> {
  const bodies: string[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = (await request.toArray()).join("");
    bodies.push(body);
    const reply = answer(bodies.length, body);
    if (reply === "hang up") response.destroy();
    else response.writeHead(reply.status, reply.headers).end(JSON.stringify(reply.body ?? {}));
  };
  server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

const ok = (accepted: number, duplicates = 0): Answer => ({
  status: 202,
  body: { success: true, data: { accepted, duplicates, rejected: [] } },
});
const never = new AbortController().signal;

describe("posting one batch", () => {
  it("sends the very same bytes until the edge answers for them", async () => {
    const answers: Answer[] = ["hang up", { status: 503 }, { status: 429 }, ok(1)];
    const { baseUrl, bodies } = await serve((count) => answers[count - 1] ?? ok(0));
    const outcome = await postBatch({ baseUrl, apiKey: "key" }, "[1]", never);
    expect(outcome).toEqual({ accepted: 1, duplicates: 0, rejected: [], attempts: 4 });
    expect(bodies).toEqual(["[1]", "[1]", "[1]", "[1]"]);
  });

  it("waits as long as Retry-After asks", async () => {
    const { baseUrl } = await serve((count) => (count === 1 ? { status: 503, headers: { "retry-after": "1" } } : ok(1)));
    const startMs = performance.now();
    await postBatch({ baseUrl, apiKey: "key" }, "[1]", never);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(1_000);
  });

  it("gives up at once on an answer that repeating cannot change", async () => {
    const { baseUrl, bodies } = await serve(() => ({ status: 401, body: { error: { code: "UNAUTHORIZED" } } }));
    await expect(postBatch({ baseUrl, apiKey: "wrong" }, "[1]", never)).rejects.toThrow("401");
    expect(bodies).toHaveLength(1);
  });

  it("reads the reasons of a batch that was refused as a whole", async () => {
    const rejected = [{ index: 0, code: "INVALID_PARAMETERS", message: "no", path: "data" }];
    const { baseUrl } = await serve(() => ({ status: 422, body: { error: { code: "INVALID_PARAMETERS", details: { rejected } } } }));
    expect((await postBatch({ baseUrl, apiKey: "key" }, "[1]", never)).rejected).toEqual(rejected);
  });

  it("stops trying when it is told to", async () => {
    const { baseUrl } = await serve(() => ({ status: 503, headers: { "retry-after": "60" } }));
    await expect(postBatch({ baseUrl, apiKey: "key" }, "[1]", AbortSignal.timeout(100))).rejects.toThrow();
  });
});

describe("a run", () => {
  it("posts every event once, lane by lane in order, through refusals", async () => {
    const lanes = [sliceLane(paceLane(arbitrum), 8), sliceLane(paceLane(btc), 8)];
    const ledger = new Ledger();
    const { baseUrl, bodies } = await serve((count, body) => (count <= 2 ? { status: 503 } : ok((JSON.parse(body) as unknown[]).length)));
    await runContabo({ endpoint: { baseUrl, apiKey: "key" }, lanes, speed: 100, runId: "r1", observer: ledger, signal: never });
    const answered = bodies.slice(2).flatMap((body) => JSON.parse(body) as EdgeEvent[]);
    const expected = lanes.map((lane) => lane.map(({ event }) => `${event.id}-r1`));
    const posted = (source: string): string[] => answered.filter((event) => event.source.startsWith(source)).map(({ id }) => id);
    expect(posted("contabo/arbitrum")).toEqual(expected[0]);
    expect(posted("contabo/btc")).toEqual(expected[1]);
    expect(ledger.totals).toMatchObject({ posted: answered.length, accepted: answered.length, rejected: 0 });
    expect(ledger.totals.retried).toBeGreaterThan(0);
  });
});

it("ends a run whose key is refused, and one that is told to stop", async () => {
  const lanes = [sliceLane(paceLane(btc), 8)];
  const { baseUrl } = await serve((count) => ({ status: count === 1 ? 401 : 503 }));
  const options = { endpoint: { baseUrl, apiKey: "key" }, lanes, speed: 100, runId: "r1", observer: new Ledger() };
  await expect(runContabo({ ...options, signal: never })).rejects.toThrow("401");
  await expect(runContabo({ ...options, signal: AbortSignal.timeout(100) })).rejects.toThrow("CLOSED");
});

describe("pace", () => {
  const at = (time: string): EdgeEvent => ({ ...(btc[0] as EdgeEvent), time });

  it("keeps short gaps and cuts idle time to a second", () => {
    const lane = paceLane([at("2024-01-01T00:00:00.000Z"), at("2024-01-01T00:00:00.250Z"), at("2024-03-01T00:00:00.000Z")]);
    expect(lane.map(({ dueMs }) => dueMs)).toEqual([0, 250, 1_250]);
    expect(sliceLane(lane, 1)).toHaveLength(2);
  });

  it("takes what is due and always at least one", () => {
    const lane = [{ dueMs: 5 }, { dueMs: 5 }, { dueMs: 9 }] as TimedEvent[];
    const take = (nowMs: number): number => dueBatch(lane, nowMs, ({ dueMs }) => dueMs).length;
    expect([take(0), take(5), take(100)]).toEqual([1, 2, 3]);
  });
});

describe("re-basing", () => {
  const [detected] = arbitrum as [EdgeEvent, ...EdgeEvent[]];

  it("shifts every time of an event by the same delta and keeps the recorded one", () => {
    const toMs = Date.parse(detected.time) + 1_000_000_000;
    const event = rebaseEvent(detected, { toMs, runId: "r1" });
    const lifeMs = ({ data }: EdgeEvent): number => Date.parse(String(data["expiry_time"])) - Date.parse(String(data["timestamp"]));
    expect(Date.parse(event.time)).toBe(toMs);
    expect(lifeMs(event)).toBe(lifeMs(detected));
    expect(event.data["metadata"]).toMatchObject({ recorded_at: detected.time });
    expect([event.id, event.subject]).toEqual([`${detected.id}-r1`, `${detected.subject}-r1`]);
  });

  it("keeps different recorded times apart however fast a lane is played, and an opportunity's detection fixed", () => {
    const events = btc.slice(0, 200);
    const rebaser = new LaneRebaser("r1");
    const moved = events.map((event) => rebaser.rebase(event, 1_000_000));
    for (const [index, event] of moved.entries()) {
      const before = moved[index - 1];
      const recordedBefore = events[index - 1];
      if (before === undefined || recordedBefore === undefined) continue;
      const step = Date.parse(event.time) - Date.parse(before.time);
      expect(step).toBe(events[index]?.time === recordedBefore.time ? 0 : 1);
    }
    const detections = new Map(moved.filter(({ type }) => type === "opportunity.detected").map((event) => [event.subject, event.time]));
    for (const event of moved) if (detections.has(event.subject)) expect(event.data["timestamp"]).toBe(detections.get(event.subject));
  });
});
