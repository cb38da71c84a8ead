import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { streams } from "../../channels/catalogue.ts";
import { renderEvent } from "../../schemas/render.ts";
import { putLogObject } from "../../stores/event-log.ts";
import { opportunity } from "../../tests/support/placed.ts";
import { client, signToken } from "../../tests/support/reading.ts";
import { opsRoutes } from "./ops.ts";
import { streamOf } from "./ops-logs.ts";

const nowMs = Date.UTC(2026, 10, 24, 12);
const ask = client(opsRoutes(() => nowMs));
const headers = { "x-api-key": env.OPS_API_KEY };
const logs = (query: string) => ask(`/ops/logs?${query}`, { headers });

describe("/ops", () => {
  it.each<[number, string, Record<string, unknown> | undefined]>([
    [401, "nobody", undefined],
    [403, "a trader", { role: "trader" }],
    [403, "a token with every channel and no role", { channels: { "*": ["subscribe", "history"] } }],
    [200, "an operator", { role: "Operator" }],
    [200, "an admin", { role: "admin" }],
  ])("answers %i to %s", async (status, _, claims) => {
    const token = claims === undefined ? undefined : await signToken(claims, nowMs);
    expect((await ask("/ops/channels", { token })).status).toBe(status);
    expect((await ask("/ops/logs?stream=alerts&from=2026-11-24T11:00:00Z", { token })).status).toBe(status);
  });
});

describe("/ops/channels", () => {
  it("lists a stream that does not answer as such, beside those that do", async () => {
    const stub = {
      status: async ({ stream }: { stream: string }) => (stream === "market" ? Promise.reject(new Error("down")) : { stream, top: 3 }),
    };
    const variables = { CHANNELS: { idFromName: () => "id", get: () => stub } };
    const { body } = await ask("/ops/channels", { headers, variables });
    const data = body.data as { stream: string; reachable: boolean; top?: number }[];
    expect(data.map(({ stream }) => stream)).toEqual(streams.map(({ name }) => name));
    expect(data.filter(({ reachable }) => !reachable)).toEqual([{ stream: "market", reachable: false }]);
  });

  it("tells where every stream stands", async () => {
    const { body, headers: answered } = await ask("/ops/channels", { headers });
    expect((body.data as unknown[])[0]).toMatchObject({ stream: "opportunities", top: 0, reachable: true, outbox: {} });
    expect(answered.get("cache-control")).toBe("no-store");
  });
});

describe("/ops/logs", () => {
  const made = [1, 2, 3, 4].map((offset) => {
    const at = nowMs - 10_000 + offset * 1_000;
    return { epoch: "e1", offset, at, stale: offset === 2, text: renderEvent(opportunity(`o${offset}`, { timeMs: at })) };
  });

  beforeAll(async () => {
    // Two objects that overlap, as redelivery leaves them.
    await putLogObject(env.EDGE_LOGS, "opportunities", made.slice(0, 3));
    await putLogObject(env.EDGE_LOGS, "opportunities", made.slice(1));
  });

  it.each([
    ["from=2026-11-24T11:00:00Z", "stream"],
    ["stream=nothing&from=2026-11-24T11:00:00Z", "stream"],
    ["stream=opportunities", "from"],
    ["stream=opportunities&from=yesterday", "from"],
    ["stream=opportunities&from=1764000000000", "from"],
    ["stream=opportunities&from=2026-11-24T12:00:00Z", "from"],
    ["stream=opportunities&from=2026-11-24T11:00:00Z&to=2026-11-24T10:00:00Z", "from"],
    ["stream=opportunities&from=2026-11-23T11:59:59.999Z", "to"],
    ["stream=opportunities&from=2026-11-24T11:00:00Z&type=x", "type"],
  ])("%s is refused by name", async (query, parameter) => {
    const { status, body } = await logs(query);
    expect([status, body.error?.code, body.error?.details]).toEqual([400, "INVALID_PARAMETERS", { parameter }]);
  });

  it("gives every position once, in order, as NDJSON", async () => {
    const { text, headers: answered } = await logs("stream=opportunities&from=2026-11-24T11:00:00Z");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { offset: number; stale?: true; event: { subject: string } });
    expect(lines.map(({ offset, stale, event }) => [offset, stale, event.subject])).toEqual([
      [1, undefined, "o1"],
      [2, true, "o2"],
      [3, undefined, "o3"],
      [4, undefined, "o4"],
    ]);
    expect([text.endsWith("\n"), answered.get("content-type")]).toEqual([true, "application/x-ndjson; charset=utf-8"]);
  });

  it("gives the window only, and says how complete it is to who asks", async () => {
    const { text } = await logs("stream=opportunities&from=2026-11-24T11:59:52Z&to=2026-11-24T11:59:54Z&summary=true");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { offset?: number; summary?: { events: number; missing: unknown[] } });
    expect(lines.map(({ offset }) => offset)).toEqual([2, 3, undefined]);
    expect(lines.at(-1)?.summary).toMatchObject({ events: 2, missing: [] });
  });

  it("of a time without events is empty", async () => {
    expect(await logs("stream=opportunities&from=2026-11-24T01:00:00Z&to=2026-11-24T02:00:00Z")).toMatchObject({ status: 200, text: "" });
  });

  it("that cannot be read to its end breaks off instead of ending quietly", async () => {
    async function* broken(): AsyncGenerator<string> {
      yield "x".repeat(70_000);
      throw new Error("an object is corrupt");
    }
    await expect(new Response(streamOf(broken())).text()).rejects.toThrow("an object is corrupt");
  });

  it("stops reading when its reader leaves", async () => {
    let stopped = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) yield "x".repeat(70_000);
      } finally {
        stopped = true;
      }
    }
    const reader = streamOf(endless()).getReader();
    await reader.read();
    await reader.cancel();
    expect(stopped).toBe(true);
  });
});
