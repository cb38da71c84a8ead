/** What is asked of a backend's API after a reconnect, what an answer may look like, and what it may not do to the socket. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BackendConfig } from "../../platform/config.ts";
import { opportunityJson } from "../../tests/support/publications.ts";
import { validateItems } from "../ingest/validate.ts";
import { itemOf } from "./events.ts";
import {
  fetchMissed,
  firstReachMs,
  missedBytesMax,
  missedRecordsMax,
  missedTimeoutMs,
  originFor,
  overlapMs,
  type MissedDeps,
} from "./missed.ts";

const nowMs = Date.now();
const backend: BackendConfig = {
  origins: ["https://one.test:8081", "https://two.test:8081"],
  prefix: "/api/v2",
  token: "token-1",
  apiKey: "key-1",
};

type Data = Readonly<Record<string, unknown>>;

function record(id: string, ageMs = 0, over: Data = {}): Data {
  const { data } = opportunityJson({ id, timeMs: nowMs - ageMs });
  return { ...(data as Data), ...over };
}

function execution(id: string, over: Data = {}): Data {
  const createdAt = new Date(nowMs).toISOString();
  return { execution_id: id, opportunity_id: "o", chain: "arbitrum", status: "confirmed", created_at: createdAt, ...over };
}

interface Call {
  readonly url: string;
  readonly init: RequestInit;
}

/** Answers by the last part of the path. */
function api(answers: Readonly<Record<string, unknown>>, over: Partial<MissedDeps> = {}) {
  const calls: Call[] = [];
  const deps: MissedDeps = {
    backend,
    channels: ["opportunities", "executions", "alerts"],
    nowMs: () => nowMs,
    async fetch(url, init) {
      calls.push({ url, init });
      const answer = answers[new URL(url).pathname.split("/").at(-1) ?? ""];
      if (answer instanceof Response) return answer;
      if (answer instanceof Error) throw answer;
      return Response.json(answer);
    },
    ...over,
  };
  const ask = (heardMs?: number, signal = new AbortController().signal, address = "wss://one.test:8081/ws") =>
    fetchMissed({ address, heardMs, signal }, deps);
  return { ask, calls };
}

const idsOf = (frames: readonly { readonly body: Data }[]): unknown[] =>
  frames.map(({ body }) => (body["data"] as Data)["execution_id"] ?? (body["data"] as Data)["opportunity_id"]);

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  for (const level of ["info", "warn"] as const) vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line)));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the question", () => {
  it("is one for each channel that is subscribed, bounded, with both credentials, and follows no redirect with them", async () => {
    const { ask, calls } = api({ opportunities: [], executions: [] });
    expect(await ask(nowMs)).toEqual([]);
    expect(calls.map(({ url }) => url)).toEqual([
      `https://one.test:8081/api/v2/opportunities?limit=${missedRecordsMax}`,
      `https://one.test:8081/api/v2/executions?limit=${missedRecordsMax}`,
    ]);
    for (const { init } of calls) {
      expect(init.headers).toEqual({ accept: "application/json", authorization: "Bearer token-1", "x-api-key": "key-1" });
      expect(init.redirect).toBe("manual");
    }
  });

  it("is none where no API is configured, and none about channels that are not subscribed", async () => {
    const none = api({}, { backend: { ...backend, origins: [] } });
    expect([await none.ask(nowMs), none.calls]).toEqual([[], []]);
    const one = api({ executions: [] }, { channels: ["executions"], backend: { ...backend, token: "", apiKey: "" } });
    await one.ask(nowMs);
    expect(one.calls.map(({ url, init }) => [new URL(url).pathname, init.headers])).toEqual([
      ["/api/v2/executions", { accept: "application/json" }],
    ]);
  });

  it.each([
    ["wss://two.test:8081/ws", "https://two.test:8081"],
    ["wss://two.test:9000/ws", "https://two.test:8081"],
    ["wss://three.test/ws", "https://one.test:8081"],
  ])("for the socket %s goes to %s", (address, origin) => {
    expect(originFor(address, backend.origins)).toBe(origin);
  });

  it("of two ports on one host goes to the one that was dialled", () => {
    expect(originFor("ws://127.0.0.1:2/ws", ["http://127.0.0.1:1", "http://127.0.0.1:2"])).toBe("http://127.0.0.1:2");
  });
});

describe("the answer", () => {
  it.each([
    ["a list", (list: unknown) => list],
    ["a list as data", (list: unknown) => ({ success: true, data: list })],
    ["a list by its name in data", (list: unknown) => ({ success: true, data: { opportunities: list } })],
  ])("may be %s", async (_, wrap) => {
    const { ask } = api({ opportunities: wrap([record("a")]), executions: [] });
    expect(idsOf(await ask(nowMs))).toEqual(["a"]);
  });

  it("becomes frames as the socket sends them: what both tell has one id", async () => {
    const { ask } = api({ opportunities: [record("a")], executions: [execution("e")] });
    const frames = await ask(nowMs);
    const told = [
      { type: "opportunity_detected", data: record("a"), timestamp: nowMs },
      { type: "execution_completed", data: execution("e") },
    ].map((body) => ({ type: body.type, body, bytes: 0 }));
    const keysOf = (all: typeof frames): string[] =>
      validateItems(all.map(itemOf), { nowMs }).valid.map(({ publication }) => publication.key);
    expect(keysOf(frames)).toHaveLength(2);
    expect(keysOf(frames)).toEqual(keysOf(told));
    expect(frames.every(({ late, bytes }) => late === true && bytes > 100)).toBe(true);
  });

  it("tells states as what they are", async () => {
    const states = ["pending", "executing", "executed", "failed", "expired", "nonsense"];
    const opportunities = states.map((execution_status, index) => record(execution_status, 1_000 - index, { execution_status }));
    const executions = ["submitted", "SUCCESS", "reverted"].map((status) => execution(status, { status }));
    const frames = await api({ opportunities, executions }).ask(nowMs);
    expect(frames.map(({ type }) => type)).toEqual([
      "opportunity.detected",
      "opportunity.updated",
      "opportunity.updated",
      "opportunity.updated",
      "opportunity.expired",
      "opportunity.detected",
      "execution.submitted",
      "execution.completed",
      "execution.failed",
    ]);
    // The unknown one is for validation to refuse, by its field.
    expect(validateItems(frames.map(itemOf), { nowMs }).rejected).toEqual([
      expect.objectContaining({ index: 5, path: "data.execution_status" }),
    ]);
  });

  it("counts from the last time the socket was heard on, and a little before, oldest first", async () => {
    const ages = [0, overlapMs + 59_000, 30_000, overlapMs + 61_000, 60_000];
    const { ask } = api({ opportunities: ages.map((ageMs) => record(`${ageMs}`, ageMs)), executions: [] });
    expect(idsOf(await ask(nowMs - 60_000))).toEqual([`${overlapMs + 59_000}`, "60000", "30000", "0"]);
  });

  it("counts by the last time that a record speaks of", async () => {
    const updated_at = new Date(nowMs).toISOString();
    const { ask } = api({ opportunities: [record("old", 3_600_000), record("moved", 3_600_000, { updated_at })], executions: [] });
    expect(idsOf(await ask(nowMs))).toEqual(["moved"]);
  });

  it("reaches back, in a new life that remembers nothing, only as far as repeats are recognised", async () => {
    const ages = [firstReachMs + overlapMs - 1_000, firstReachMs + overlapMs + 1_000];
    const { ask } = api({ opportunities: ages.map((ageMs) => record(`${ageMs}`, ageMs)), executions: [] });
    expect(idsOf(await ask(undefined))).toEqual([String(ages[0])]);
  });

  it("keeps what tells no time, for validation to refuse by name", async () => {
    const { timestamp: _, ...timeless } = record("timeless");
    const frames = await api({ opportunities: [timeless, "nonsense", null], executions: [] }).ask(nowMs);
    expect(validateItems(frames.map(itemOf), { nowMs }).rejected).toEqual([expect.objectContaining({ path: "data.timestamp" })]);
  });

  it("that is longer than was asked for gives its newest, and says that more may be missing", async () => {
    const many = Array.from({ length: missedRecordsMax + 20 }, (_, n) => record(`${n}`, n));
    const frames = await api({ opportunities: many, executions: [] }).ask(nowMs);
    expect([frames.length, idsOf(frames).at(-1)]).toEqual([missedRecordsMax, "0"]);
    expect(lines.join("\n")).toContain(`"records":${missedRecordsMax + 20},"missed":${missedRecordsMax}`);
  });
});

describe("an API that fails is logged, and the other channel is still asked for", () => {
  const executions = [execution("e")];

  it.each([
    ["is out of reach", new Error("connection refused"), "connection refused"],
    ["answers an error", new Response("no", { status: 500 }), "it answered 500"],
    ["redirects", new Response(null, { status: 302, headers: { location: "https://elsewhere.test" } }), "it answered 302"],
    ["answers no JSON", new Response("<html>"), "JSON"],
    ["answers no list", Response.json({ success: true, data: { items: [] } }), "no list of opportunities"],
    ["answers too much", new Response(" ".repeat(missedBytesMax + 1)), `larger than ${missedBytesMax} bytes`],
  ])("because it %s", async (_, opportunities, reason) => {
    const { ask, calls } = api({ opportunities, executions });
    expect(idsOf(await ask(nowMs))).toEqual(["e"]);
    expect(calls).toHaveLength(2);
    expect(lines.find((line) => line.includes("upstream.missed.failed"))).toContain(reason);
    expect(lines.join("\n")).not.toMatch(/token-1|key-1/);
  });

  it.each([
    ["answer", () => new Promise<Response>(() => undefined)],
    ["end", async () => new Response(new ReadableStream({ pull: () => new Promise(() => undefined) }))],
  ])("because it does not %s in time", async (_, stall) => {
    vi.useFakeTimers({ now: nowMs, toFake: ["setTimeout", "clearTimeout"] });
    const signals: (AbortSignal | null | undefined)[] = [];
    const { ask } = api(
      {},
      {
        fetch: async (url, init) => {
          if (url.includes("executions")) return Response.json(executions);
          signals.push(init.signal);
          return await stall();
        },
      },
    );
    const asked = ask(nowMs);
    await vi.advanceTimersByTimeAsync(missedTimeoutMs - 1);
    expect(lines).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(idsOf(await asked)).toEqual(["e"]);
    expect(lines[0]).toContain("did not answer within");
    expect(signals[0]?.aborted).toBe(true);
  });

  it("and one that is asked anew meanwhile is let go", async () => {
    const abort = new AbortController();
    const { ask, calls } = api({ opportunities: [], executions: [] });
    await ask(nowMs, abort.signal);
    expect(calls.every(({ init }) => init.signal?.aborted === true)).toBe(true);
    const held: (AbortSignal | null | undefined)[] = [];
    const waiting = Promise.withResolvers<Response>();
    const other = api({}, { fetch: (_, init) => (held.push(init.signal), waiting.promise) });
    const asked = other.ask(nowMs, abort.signal);
    abort.abort();
    expect(held[0]?.aborted).toBe(true);
    waiting.reject(new Error("aborted"));
    await asked;
  });
});
