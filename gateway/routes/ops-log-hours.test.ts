import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { isHeld, listHolds } from "../../stores/compaction-holds.ts";
import { CorruptLogObject } from "../../stores/event-log-object.ts";
import { quarantine } from "../../stores/event-log-quarantine.ts";
import { hourOf, hourPrefix, startOfHour } from "../../stores/event-log.ts";
import { storeGeneratedLog } from "../../tests/support/log-hours.ts";
import { client, signToken } from "../../tests/support/reading.ts";
import { compactionDeps } from "../../workflows/compaction/compaction.ts";
import { runCompaction } from "../../workflows/compaction/run.ts";
import { opsRoutes } from "./ops.ts";

const nowMs = Date.UTC(2026, 10, 24, 12);
const ask = client(opsRoutes(() => nowMs));
const headers = { "x-api-key": "test-ops-key" };
const hours = (query: string) => ask(`/ops/logs/hours?${query}`, { headers });
const stream = "opportunities";
const hour = hourOf(Date.UTC(2026, 10, 24, 7));

interface Marked {
  readonly data?: unknown;
  readonly error?: { readonly details?: unknown };
}

async function send(method: string, path: string, body?: unknown): Promise<{ status: number; body: Marked }> {
  const json = body === undefined ? {} : { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await exports.default.fetch(`https://edge.test${path}`, { method, headers, ...json });
  return { status: response.status, body: await response.json() };
}

const mark = (body: unknown) => send("POST", "/ops/logs/hours", body);

beforeAll(async () => {
  const log = { stream, epoch: "e1", firstHour: hour, eventsOfHour: [100, 60, 40], objectLines: 50, twicePercent: 5, latePercent: 0 };
  await storeGeneratedLog(env.EDGE_LOGS, log);
  for (const index of [0, 1]) {
    const order = { stream, hour: hour + index, marks: 1 };
    await runCompaction({ do: (_, work) => work() }, compactionDeps(env), { order, work: `compaction/v1/ops-${index}/` });
  }
});

describe("/ops/logs/hours", () => {
  it.each<[number, string, Record<string, unknown> | undefined]>([
    [401, "nobody", undefined],
    [403, "a trader", { role: "trader" }],
    [200, "an operator", { role: "operator" }],
  ])("answers %i to %s", async (status, _, claims) => {
    const token = claims === undefined ? undefined : await signToken(claims, nowMs);
    expect((await ask("/ops/logs/hours?stream=alerts&from=2026-11-24T11:00:00Z", { token })).status).toBe(status);
  });

  it.each([
    ["from=2026-11-24T11:00:00Z", "stream"],
    ["stream=alerts", "from"],
    ["stream=alerts&from=2026-11-24T13:00:00Z", "from"],
    ["stream=alerts&from=2026-11-17T11:59:59Z", "to"],
    ["stream=alerts&from=2026-11-24T11:00:00Z&summary=true", "summary"],
  ])("%s is refused by name", async (query, parameter) => {
    const { status, body } = await hours(query);
    expect([status, body.error?.details]).toEqual([400, { parameter }]);
  });

  it("tells each hour's state, what its manifest says, and what it cannot know yet", async () => {
    const { body } = await hours(`stream=${stream}&from=2026-11-24T07:00:00Z`);
    expect(body.data).toMatchObject({
      stream,
      complete: null,
      missing: [],
      hours: [
        { hour: "2026-11-24T07:00:00.000Z", state: "compacted", raw_unlisted: 0, manifest: { generation: 1, events: 100, parts: 1 } },
        { hour: "2026-11-24T08:00:00.000Z", state: "compacted", manifest: { events: 60 } },
        { hour: "2026-11-24T09:00:00.000Z", state: "raw", raw_objects: 2 },
      ],
    });
    const compacted = await hours(`stream=${stream}&from=2026-11-24T07:00:00Z&to=2026-11-24T09:00:00Z`);
    expect(compacted.body.data).toMatchObject({ complete: true });
  });

  it("lists what was set aside, and what is held", async () => {
    const key = `${hourPrefix(stream, hour)}e1-0000000000000001-0000000000000001-${"0".repeat(64)}.ndjson.gz`;
    const stored = await env.EDGE_LOGS.put(key, "not gzip");
    await quarantine(env.EDGE_LOGS, new CorruptLogObject({ key, etag: stored?.etag ?? "" }, "not gzip: “x”"));
    await env.EDGE_LOGS.delete(key);
    await env.EDGE_LOGS.put("holds/v1/case.json", JSON.stringify({ v: 1, reason: "case 7", to: "2026-12-01T00:00:00Z" }));
    const { body } = await hours(`stream=${stream}&from=2026-11-24T07:00:00Z`);
    expect(body.data).toMatchObject({
      quarantine: [{ key, reason: "not gzip: ?x?", bytes: 8 }],
      holds: [{ name: "case", reason: "case 7", to: "2026-12-01T00:00:00.000Z" }],
    });
  });
});

describe("POST /ops/logs/hours", () => {
  it.each<[unknown, string]>([
    [{ stream: "nothing", hour: "2026-11-24T07:00:00Z" }, "stream"],
    [{ stream, hour: "yesterday" }, "hour"],
    [{ stream, hour: "2099-11-24T11:00:00Z" }, "hour"],
    [{ stream, hour: "2026-11-24T07:00:00Z", force: true }, ""],
  ])("refuses %j by name", async (body, parameter) => {
    const answer = await mark(body);
    expect([answer.status, answer.body.error?.details]).toEqual([400, { parameter }]);
  });

  it("marks the hour for the next cron", async () => {
    const { status, body } = await mark({ stream, hour: "2026-11-24T07:45:00Z" });
    expect([status, body.data]).toEqual([202, { stream, hour: "2026-11-24T07:00:00.000Z" }]);
    const row = await env.METRICS_DB.prepare("SELECT marks, done FROM log_hours WHERE hour = ?1").bind(hour).first();
    expect(row).toEqual({ marks: 1, done: 0 });
    const { body: after } = await hours(`stream=${stream}&from=${new Date(startOfHour(hour)).toISOString()}&to=2026-11-24T08:00:00Z`);
    expect(after.data).toMatchObject({ hours: [{ state: "dirty" }] });
  });
});

describe("/ops/logs/holds", () => {
  const holds = "/ops/logs/holds";
  const order = { reason: "case 42", stream, from: "2026-11-24T07:00:00Z", to: "2026-11-24T08:00:00Z" };

  it.each<[string, unknown, string]>([
    ["Case", order, "name"],
    ["x".repeat(65), order, "name"],
    ["case-42", { ...order, reason: " " }, "reason"],
    ["case-42", { ...order, reason: "x".repeat(257) }, "reason"],
    ["case-42", { ...order, stream: "nothing" }, "stream"],
    ["case-42", { ...order, to: order.from }, "to"],
    ["case-42", { ...order, forever: true }, ""],
  ])("refuses %s with %j by name", async (name, body, parameter) => {
    const answer = await send("PUT", `${holds}/${name}`, body);
    expect([answer.status, answer.body.error?.details]).toEqual([400, { parameter }]);
  });

  it("refuses a body of more than 4 KiB", async () => {
    expect((await send("PUT", `${holds}/case-42`, { ...order, reason: "x".repeat(4_096) })).status).toBe(413);
  });

  it("keeps an hour from being deleted until it is released, and has both on record", async () => {
    const placed = { name: "case-42", reason: "case 42", stream, from: "2026-11-24T07:00:00.000Z", to: "2026-11-24T08:00:00.000Z" };
    expect(await send("PUT", `${holds}/case-42`, order)).toMatchObject({ status: 200, body: { data: placed } });
    expect((await send("GET", holds)).body.data).toContainEqual(placed);
    const isNamed = ({ name }: { readonly name: string }): boolean => name === "case-42";
    const held = (at: number) => listHolds(env.EDGE_LOGS).then((all) => isHeld(all.filter(isNamed), { stream, hour: at }));
    expect([await held(hour), await held(hour + 1)]).toEqual([true, false]);

    expect(await send("DELETE", `${holds}/case-42`)).toMatchObject({ status: 200, body: { data: placed } });
    expect(await held(hour)).toBe(false);
    expect((await send("DELETE", `${holds}/case-42`)).status).toBe(404);
    const { results } = await env.SESSIONS_DB.prepare("SELECT action FROM audit WHERE subject = 'case-42' ORDER BY seq").all();
    expect(results).toEqual([{ action: "log.hold.placed" }, { action: "log.hold.released" }]);
  });
});
