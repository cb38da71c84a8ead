import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { replayDeafMs, replaysRunningMax } from "../../schemas/limits-replay.ts";
import { newCheckpoint } from "../../schemas/replay.ts";
import type { Replay, ReplayOrder, ReplayRow, ReplaySpec } from "../../schemas/replay.ts";
import { hourOf, startOfHour } from "../../stores/event-log.ts";
import { beginRun, endRun, findReplay, saveCheckpoint } from "../../stores/replays.ts";
import { storeGeneratedLog } from "../../tests/support/log-hours.ts";
import { renderError } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { progressOf } from "../replays/show.ts";
import { opsRoutes } from "./ops.ts";

interface Answer {
  readonly status: number;
  readonly body: {
    data: never;
    error: { code: string; message: string; details?: { parameter?: string } };
    pagination: { cursor?: string; has_next: boolean };
  };
}

/** Instances as they are started; nothing runs. */
function standIn() {
  const started: ReplayOrder[] = [];
  const workflow = { create: async ({ params }: { params: ReplayOrder }) => void started.push(params) };
  return { started, bindings: { ...env, REPLAY: workflow as unknown as typeof env.REPLAY } };
}

const app = new Hono<GatewayEnv>().route("/", opsRoutes());
app.onError(renderError);

let edge: ReturnType<typeof standIn>;

async function ask(method: string, path: string, options: { body?: unknown; bindings?: Env; key?: string } = {}): Promise<Answer> {
  const { body, bindings = edge.bindings, key = "test-ops-key" } = options;
  const context = createExecutionContext();
  const headers = { "content-type": "application/json", ...(key === "" ? {} : { "x-api-key": key }) };
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await app.request(path, { method, headers, ...sent }, bindings, context);
  const answer = { status: response.status, body: await response.json<Answer["body"]>() };
  await waitOnExecutionContext(context);
  return answer;
}

const good = { mode: "dry-run", streams: ["opportunities"], from: "2026-11-24T07:00:00Z", to: "2026-11-24T08:00:00Z" };

async function start(body: object = {}): Promise<Replay> {
  const { status, body: answered } = await ask("POST", "/ops/replays", { body: { ...good, ...body } });
  expect([status, answered.error]).toEqual([202, undefined]);
  return answered.data;
}

const of = (id: string, what = ""): string => `/ops/replays/${id}${what}`;
const first = (id: string): ReplayOrder => ({ id, run: 1, leg: 0 });

beforeEach(async () => {
  edge = standIn();
  vi.spyOn(console, "info").mockReturnValue(undefined);
  await env.METRICS_DB.prepare("DELETE FROM replays").run();
});

describe("POST /ops/replays", () => {
  it.each<[string, unknown, string]>([
    ["an unknown mode", { ...good, mode: "fast" }, "mode"],
    ["no stream", { ...good, streams: [] }, "streams"],
    ["an unknown stream", { ...good, streams: ["opportunities", "nothing"] }, "streams.1"],
    ["a replay's channel, which has no log", { ...good, streams: ["replay:abc"] }, "streams.0"],
    ["no time", { ...good, from: "yesterday" }, "from"],
    ["no end", { ...good, to: undefined }, "to"],
    ["an end before the beginning", { ...good, to: "2026-11-24T07:00:00Z" }, "from"],
    ["more than a month", { ...good, from: "2026-10-24T07:00:00Z" }, "to"],
    ["the future", { ...good, from: "2126-11-24T07:00:00Z", to: "2126-11-24T08:00:00Z" }, "from"],
    ["an unknown type", { ...good, types: ["opportunity.lost"] }, "types.0"],
    ["an empty filter", { ...good, entities: [] }, "entities"],
    ["too many entities", { ...good, entities: Array.from({ length: 101 }, String) }, "entities"],
    ["a bad pace", { ...good, pace: "x0" }, "pace"],
    ["a rate of nothing", { ...good, events_per_second_max: 0 }, "events_per_second_max"],
    ["a rate above all", { ...good, events_per_second_max: 25_001 }, "events_per_second_max"],
    ["a limit that is no number", { ...good, delivery_limit: "1" }, "delivery_limit"],
    ["verifying a dry run", { ...good, verify: true }, "verify"],
    ["what it does not know", { ...good, force: true }, ""],
  ])("refuses %s by name and starts nothing", async (_, body, parameter) => {
    const answer = await ask("POST", "/ops/replays", { body });
    expect([answer.status, answer.body.error.code, answer.body.error.details?.parameter]).toEqual([400, "INVALID_PARAMETERS", parameter]);
    expect(edge.started).toEqual([]);
    expect((await ask("GET", "/ops/replays")).body.data).toEqual([]);
  });

  it("refuses a body that is too large, and one that is no JSON", async () => {
    expect((await ask("POST", "/ops/replays", { body: { ...good, entities: ["x".repeat(40_000)] } })).status).toBe(413);
    expect((await ask("POST", "/ops/replays", { body: "{" })).status).toBe(400);
  });

  it("is for operators, as all of it is", async () => {
    const { id } = await start();
    for (const [method, path] of [
      ["GET", "/ops/replays"],
      ["POST", "/ops/replays"],
      ["GET", of(id)],
      ["DELETE", of(id)],
      ["POST", of(id, "/pause")],
      ["POST", of(id, "/resume")],
    ] as const)
      expect((await ask(method, path, { key: "" })).status, `${method} ${path}`).toBe(401);
    expect((await findReplay(env, id))?.wanted).toBeUndefined();
  });

  it("starts one Workflow, shows what was ordered, and has it on record", async () => {
    const all = {
      mode: "rebuild",
      streams: ["executions", "alerts", "alerts"],
      types: ["system.alert"],
      pace: "x10",
      verify: true,
      delivery_limit: 5,
    };
    const replay = await start(all);
    expect(edge.started).toEqual([first(replay.id)]);
    expect(replay).toMatchObject({
      mode: "rebuild",
      state: "queued",
      streams: ["alerts", "executions"],
      from: "2026-11-24T07:00:00.000Z",
      to: "2026-11-24T08:00:00.000Z",
      types: ["system.alert"],
      pace: "x10",
      events_per_second_max: 2_000,
      verify: true,
      delivery_limit: 5,
      progress: { read: 0, matched: 0, sent: 0 },
      requested_by: "operator",
    });
    expect(replay.id).toMatch(/^[0-9a-z]{26}$/);
    expect((await ask("GET", of(replay.id))).body.data).toEqual(replay);
    expect(await start({ mode: "channel" })).toMatchObject({ channel: expect.stringMatching(/^replay:[0-9a-z]{26}$/) as string });
    const audited = await env.SESSIONS_DB.prepare("SELECT actor, action FROM audit WHERE subject = ?").bind(replay.id).all();
    expect(audited.results).toEqual([{ actor: "operator", action: "replay.started" }]);
  });

  it("ends a window that reaches beyond now at now", async () => {
    const [before, { to }, after] = [
      Date.now(),
      await start({ from: new Date(Date.now() - 60_000).toISOString(), to: "2126-01-01T00:00:00Z" }),
      Date.now(),
    ];
    expect(Date.parse(to)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(to)).toBeLessThanOrEqual(after);
  });

  it("refuses one more than may run, until another ends", async () => {
    const replays: Replay[] = [];
    for (let n = 0; n < replaysRunningMax; n += 1) replays.push(await start());
    const refused = await ask("POST", "/ops/replays", { body: good });
    expect([refused.status, refused.body.error.code]).toEqual([409, "CONFLICT"]);
    expect(edge.started).toHaveLength(replaysRunningMax);
    await endRun(env, first(replays[0]?.id ?? ""), { end: { state: "failed", error: "x" }, nowMs: 1 });
    await start();
    expect((await ask("POST", of(replays[0]?.id ?? "", "/resume"))).status).toBe(409);
  });

  it("that no Workflow takes has failed, says so, and can be resumed", async () => {
    const workflow = { create: () => Promise.reject(new Error("internal")) } as unknown as typeof env.REPLAY;
    vi.spyOn(console, "error").mockReturnValue(undefined);
    expect((await ask("POST", "/ops/replays", { body: good, bindings: { ...env, REPLAY: workflow } })).status).toBe(503);
    const [failed] = (await ask("GET", "/ops/replays?state=failed")).body.data as Replay[];
    expect(failed?.error).toContain("resume");
    const id = failed?.id ?? "";
    expect((await ask("POST", of(id, "/resume"))).body.data).toMatchObject({ state: "queued" });
    expect(edge.started).toEqual([{ id, run: 2, leg: 0 }]);
  });
});

describe("pause, resume and cancel", () => {
  it("follow the table of states", async () => {
    const does = async (id: string, method: string, what = ""): Promise<readonly [number, string, string | undefined]> => {
      const { status, body } = await ask(method, of(id, what));
      const shown = (status === 200 ? body.data : (await ask("GET", of(id))).body.data) as Replay;
      return [status, shown.state, shown.wanted];
    };
    const { id } = await start();
    await beginRun(env, first(id), Date.now());
    expect(await does(id, "POST", "/pause")).toEqual([200, "running", "pause"]);
    expect(await does(id, "POST", "/pause")).toEqual([200, "running", "pause"]);
    expect(await does(id, "POST", "/resume")).toEqual([200, "running", undefined]);
    expect(await does(id, "POST", "/pause")).toEqual([200, "running", "pause"]);
    await endRun(env, first(id), { end: { state: "paused" }, nowMs: 1 });
    expect(await does(id, "POST", "/pause")).toEqual([200, "paused", undefined]);
    expect(await does(id, "POST", "/resume")).toEqual([200, "queued", undefined]);
    expect(await does(id, "DELETE")).toEqual([200, "queued", "cancel"]);
    expect(await does(id, "POST", "/pause")).toEqual([409, "queued", "cancel"]);
    expect(await does(id, "POST", "/resume")).toEqual([409, "queued", "cancel"]);
    await endRun(env, { id, run: 2, leg: 0 }, { end: { state: "cancelled" }, nowMs: 1 });
    expect(await does(id, "DELETE")).toEqual([200, "cancelled", undefined]);
    expect(await does(id, "POST", "/pause")).toEqual([409, "cancelled", undefined]);
    expect(await does(id, "POST", "/resume")).toEqual([200, "queued", undefined]);
    await endRun(env, { id, run: 3, leg: 0 }, { end: { state: "failed", error: "x" }, nowMs: 1 });
    expect(await does(id, "DELETE")).toEqual([200, "cancelled", undefined]);
    const { id: done } = await start();
    await endRun(env, first(done), { end: { state: "done", result: {} }, nowMs: 1 });
    expect(await does(done, "POST", "/pause")).toEqual([409, "done", undefined]);
    expect(await does(done, "POST", "/resume")).toEqual([409, "done", undefined]);
    expect(await does(done, "DELETE")).toEqual([409, "done", undefined]);
    expect(edge.started.map((order) => order.run)).toEqual([1, 2, 3, 1]);
    const { results } = await env.SESSIONS_DB.prepare("SELECT DISTINCT action FROM audit WHERE subject = ? ORDER BY action").bind(id).all();
    expect(results.map(({ action }) => action)).toEqual(["replay.cancelled", "replay.paused", "replay.resumed", "replay.started"]);
  });

  it("of one that has lost its Workflow hold at once", async () => {
    const { id } = await start();
    for (const [run, method, what, state] of [
      [1, "POST", "/pause", "paused"],
      [2, "DELETE", "", "cancelled"],
    ] as const) {
      const order = { id, run, leg: 3 };
      await beginRun(env, order, Date.now() - replayDeafMs - 1_000);
      expect((await ask(method, of(id, what))).body.data).toMatchObject({ state });
      // Found to live after all, it may write nothing.
      expect(await saveCheckpoint(env, order, { checkpoint: newCheckpoint, nowMs: 1 })).toBe("superseded");
      expect((await ask("POST", of(id, "/resume"))).body.data).toMatchObject({ state: "queued" });
    }
  });

  it("of what there is not is not found, and an id that is none is refused", async () => {
    for (const [method, what] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/pause"],
      ["POST", "/resume"],
    ] as const) {
      expect((await ask(method, of("unknown", what))).status).toBe(404);
      const refused = await ask(method, of("No-Id", what));
      expect([refused.status, refused.body.error.details]).toEqual([400, { parameter: "id" }]);
    }
  });
});

describe("GET /ops/replays", () => {
  it("lists page by page, newest first, by state", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      ids.push((await start()).id);
    }
    const listed = async (query: string): Promise<Answer["body"]> => (await ask("GET", `/ops/replays?${query}`)).body;
    const page = await listed("limit=2");
    const rest = await listed(`limit=2&cursor=${page.pagination.cursor ?? ""}`);
    expect([page, rest].flatMap(({ data }) => (data as Replay[]).map(({ id }) => id))).toEqual(ids.toSorted().toReversed());
    expect(rest.pagination).toEqual({ limit: 2, has_next: false });
    await endRun(env, first(ids[1] ?? ""), { end: { state: "done", result: { events: 1 } }, nowMs: 1 });
    expect((await listed("state=done")).data).toMatchObject([{ id: ids[1], result: { events: 1 }, progress: { percent: 100 } }]);
    for (const [query, parameter] of [
      ["state=gone", "state"],
      ["limit=0", "limit"],
      ["cursor=nonsense", "cursor"],
    ] as const)
      expect((await listed(query)).error.details).toEqual({ parameter });
  });

  it("answers as an outage what is one", async () => {
    const METRICS_DB = new Proxy(env.METRICS_DB, {
      get: () => () => {
        throw new Error("D1 is down");
      },
    });
    expect((await ask("GET", "/ops/replays", { bindings: { ...env, METRICS_DB } })).status).toBe(503);
  });
});

it.each<[string, Partial<ReplayRow>, Partial<ReplayRow["spec"]>, object]>([
  ["has no percent before it knows how much there is", { checkpoint: newCheckpoint }, {}, { read: 0, matched: 0, sent: 0 }],
  ["has a rate and the time that is left", {}, {}, { total: 1_000, percent: 25, rate_per_second: 100, eta_seconds: 8 }],
  ["has the time that the log's own clock leaves where that is longer", {}, { pace: "x10" }, { eta_seconds: 180 }],
  ["has neither while it rests", { state: "paused" }, {}, { read: 250, matched: 250, sent: 250, total: 1_000, percent: 25 }],
])("progress %s", (_, row, spec, expected) => {
  const checkpoint = {
    ...newCheckpoint,
    read: 250,
    matched: 250,
    sent: 250,
    total: 1_000,
    since: { wallMs: 1_000, read: 50 },
    position: { stream: "alerts", epoch: "e1", offset: 250, at: 1_800_000 },
  };
  const whole: ReplaySpec = {
    v: 1,
    mode: "channel",
    streams: ["alerts"],
    fromMs: 0,
    toMs: 3_600_000,
    pace: "instant",
    eventsPerSecondMax: 1,
    verify: false,
  };
  const shown = progressOf({ state: "running", touchedMs: 3_000, checkpoint, ...row, spec: { ...whole, ...spec } });
  expect(shown).toMatchObject(expected);
  if (row.state !== undefined || row.checkpoint !== undefined) expect(shown).toEqual(expected);
});

describe("with the real Workflow", () => {
  const hour = hourOf(Date.UTC(2026, 10, 24, 7));

  beforeAll(async () => {
    const log = {
      stream: "opportunities",
      epoch: "e1",
      firstHour: hour,
      eventsOfHour: [300],
      objectLines: 100,
      twicePercent: 0,
      latePercent: 0,
    };
    await storeGeneratedLog(env.EDGE_LOGS, log);
  });

  it("a dry run counts the hour; one that was paused goes on where it was", async () => {
    const real = { bindings: env };
    const ordered = await ask("POST", "/ops/replays", { body: { ...good, from: new Date(startOfHour(hour)).toISOString() }, ...real });
    const { id } = ordered.body.data as Replay;
    const end = async (name: string): Promise<Replay> => {
      await vi.waitFor(async () => expect((await findReplay(env, name))?.state).toBe("done"), { timeout: 20_000, interval: 50 });
      return (await ask("GET", of(name))).body.data;
    };
    expect(await end(id)).toMatchObject({
      state: "done",
      position: { stream: "opportunities", epoch: "e1", offset: 300 },
      progress: { read: 300, matched: 300, sent: 0, total: 300, percent: 100 },
      result: { events: 300, by_type: { "opportunity.detected": 300 }, missing: [], quarantined: [] },
    });
    const { id: resting } = await start();
    const checkpoint = {
      ...newCheckpoint,
      cursors: { opportunities: { epoch: "e1", offset: 250, at: startOfHour(hour) + 2_987_170 } },
      read: 250,
      matched: 250,
    };
    await beginRun(env, first(resting), Date.now());
    await saveCheckpoint(env, first(resting), { checkpoint, nowMs: Date.now() });
    await ask("POST", of(resting, "/pause"), real);
    await endRun(env, first(resting), { end: { state: "paused" }, nowMs: Date.now() });
    await ask("POST", of(resting, "/resume"), real);
    expect(await end(resting)).toMatchObject({
      progress: { read: 300, matched: 300 },
      result: { by_type: { "opportunity.detected": 50 } },
    });
  });
});
