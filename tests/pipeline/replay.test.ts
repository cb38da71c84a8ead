/** Replays end to end: the real run, log, channel, relay and databases. What dies, repeats or comes late leaves neither a hole nor a second
 *  effect, and only operators hear it. */
import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { replayChannelOf } from "../../channels/catalogue.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { app } from "../../gateway/app.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import {
  dedupeWindowMs,
  leaseMs,
  opportunityRetentionMs,
  replayChannelIdleMs,
  requestEventsMax,
  streamBatchBytesMax,
} from "../../schemas/limits.ts";
import { renderEvent } from "../../schemas/render.ts";
import type { ReplayRow, ReplaySpec } from "../../schemas/replay.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { ChannelRpc } from "../../schemas/rpc.ts";
import { versionOf } from "../../schemas/version.ts";
import { hourOf, putLogObject } from "../../stores/event-log.ts";
import type { LogLine } from "../../stores/event-log.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { createReplay, findReplay, resumeRun, wish } from "../../stores/replays.ts";
import { channelSink } from "../../workflows/replay/channel-sink.ts";
import { rebuildSink } from "../../workflows/replay/rebuild-sink.ts";
import { replayDeps } from "../../workflows/replay/replay.ts";
import { runReplay } from "../../workflows/replay/run.ts";
import type { ReplaySteps } from "../../workflows/replay/run.ts";
import type { ReplayLine, ReplaySink } from "../../workflows/replay/sink.ts";
import { sinkOf } from "../../workflows/replay/sinks.ts";
import { setFaults } from "../support/faults.ts";
import { execution, opportunity } from "../support/placed.ts";
import { openSocket, token } from "../support/sockets.ts";

const epoch = "0replayepoch";
const entities = 60;
/** Long enough ago to lie in the log, not so long that D1 prunes it while the test runs. */
const startMs = Date.now() - 30 * 60_000;
const window = { fromMs: startMs, toMs: startMs + 20 * 60_000 };
const states = ["pending", "executing", "executed"] as const;

/** Lives of sixty opportunities, mixed; every seventh line comes after a newer one of its entity. */
function opportunityLine(index: number): LogLine {
  const turn = Math.floor(index / entities);
  const age = index % 7 === 0 ? -turn * 10_000 : 0;
  const timeMs = startMs + index * 1_000 + age;
  const type = turn === 0 ? "opportunity.detected" : "opportunity.updated";
  const data = { execution_status: states[turn] };
  return lineOf(opportunity(`opp-${index % entities}`, { timeMs, type, data, id: `evt-${index}` }), index);
}

function executionLine(index: number): LogLine {
  return lineOf(execution(`exe-${index}`, { timeMs: startMs + index * 4_000 }), index * 4);
}

function lineOf(event: EdgeEvent, index: number): LogLine {
  return { epoch, offset: 0, at: startMs + index * 1_000, stale: false, text: renderEvent(event) };
}

async function store(stream: string, lines: readonly LogLine[]): Promise<ReplayLine[]> {
  const placed = lines.map((line, index) => ({ ...line, offset: index + 1 }));
  for (const group of Map.groupBy(placed, ({ at }) => hourOf(at)).values()) {
    for (let start = 0; start < group.length; start += 50) await putLogObject(env.EDGE_LOGS, stream, group.slice(start, start + 50));
  }
  return placed.map((line) => ({ ...line, stream }));
}

const opportunities = await store(
  "opportunities",
  Array.from({ length: 3 * entities }, (_, index) => opportunityLine(index)),
);
const executions = await store(
  "executions",
  Array.from({ length: 40 }, (_, index) => executionLine(index)),
);
/** Of one time, streams follow by name. */
const both = [...executions, ...opportunities].toSorted((a, b) => a.at - b.at);

const swallow = { queue: async () => undefined };
beforeEach(() => setFaults(swallow));
afterEach(() => setFaults({}));

let replays = 0;
async function order(spec: Partial<ReplaySpec>): Promise<string> {
  const id = `r${(replays += 1)}`;
  const full: ReplaySpec = {
    v: 1,
    mode: "channel",
    streams: ["opportunities", "executions"],
    ...window,
    pace: "instant",
    eventsPerSecondMax: 25_000,
    verify: false,
    ...spec,
  };
  expect(await createReplay(env, { id, spec: full, requestedBy: "test", nowMs: Date.now() }, 100)).toBe(true);
  return id;
}

/** A step that dies is done again, as a Workflow's is. */
const steps: ReplaySteps = {
  async do(_, work) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (attempt === 6) throw error;
      }
    }
  },
  sleep: async () => undefined,
};

interface Course {
  readonly onTake?: (batch: number) => unknown;
  readonly bounds?: { readonly lines: number; readonly batchLines: number };
}

/** Every batch is taken twice, and every seventh time the step dies after it. */
function unlucky(sink: ReplaySink, { onTake = () => undefined }: Course): ReplaySink {
  let batches = 0;
  return {
    async take(lines) {
      await onTake((batches += 1));
      await sink.take(lines);
      const taken = await sink.take(lines);
      if (batches % 7 === 0) throw new Error("killed by a test");
      return taken;
    },
    finish: () => sink.finish(),
    clean: async () => sink.clean?.(),
  };
}

async function run(id: string, course: Course = {}): Promise<ReplayRow> {
  const { run: number } = await rowOf(id);
  const deps = replayDeps(env, { id, run: number, leg: 0 });
  let sink: ReplaySink | undefined;
  const sinkFor = async (spec: ReplaySpec): Promise<ReplaySink | undefined> => {
    const real = await sinkOf(env, id, spec);
    return (sink ??= real && unlucky(real, course));
  };
  await runReplay(steps, { ...deps, sink: sinkFor }, { bounds: course.bounds ?? { lines: 90, batchLines: 20 } });
  const row = await rowOf(id);
  expect(row.error).toBeUndefined();
  return row;
}

async function rowOf(id: string): Promise<ReplayRow> {
  const row = await findReplay(env, id);
  if (row === undefined) throw new Error(`no replay ${id}`);
  return row;
}

interface Original {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  readonly at: number;
}

const originalOf = ({ stream, epoch: at, offset, at: atMs }: ReplayLine): Original => ({ channel: stream, epoch: at, offset, at: atMs });

/** What the channel holds, in its order. */
async function held(id: string): Promise<{ readonly offset: number; readonly original: Original }[]> {
  const stream = replayChannelOf(id);
  const { rows } = await channelStub(env, stream).history({ v: 1, stream, since: 0 });
  return rows.flatMap(eventsOf).map(({ offset, text }) => ({ offset, original: (JSON.parse(text) as { original: Original }).original }));
}

const channelObject = (id: string) => env.CHANNELS.get(env.CHANNELS.idFromName(`channel:${replayChannelOf(id)}`));
const operator = () => token({ claims: { sub: "olga", role: "operator" } });

it("brings two streams into a channel: a subscriber hears the original order once, whatever dies or repeats", async () => {
  const id = await order({});
  const socket = await openSocket(`/ws?token=${await operator()}`);
  socket.send({ type: "subscribe", channel: `replay:${id}` });
  await socket.next("subscribed");
  const { state, result } = await run(id);
  expect(state).toBe("done");
  expect(result).toMatchObject({ sent: both.length, first_offset: 1, last_offset: both.length, missing_positions: 0 });
  await socket.find("last frame", (frame) => frame["offset"] === both.length);
  const frames = socket.frames.filter(({ type }) => type.startsWith("opportunity") || type.startsWith("execution"));
  expect(frames.map(({ original }) => original)).toEqual(both.map(originalOf));
  expect(frames.map(({ offset, prev }) => [offset, prev])).toEqual(both.map((_, index) => [index + 1, index]));
  expect(frames[5]).toMatchObject({ channel: `replay:${id}`, id: idOf(both[5]), data: dataOf(both[5]) });
  socket.close();
});

function eventIn(line: ReplayLine | undefined): { readonly id: string; readonly data: unknown } {
  return JSON.parse(line?.text ?? "") as { id: string; data: unknown };
}
const idOf = (line: ReplayLine | undefined): string => eventIn(line).id;
const dataOf = (line: ReplayLine | undefined): unknown => eventIn(line).data;

it("gives no second position to a batch that comes hours later, after its channel has died and forgotten its repeats", async () => {
  const id = await order({});
  await run(id);
  setFaults({ ...swallow, skewMs: 5 * dedupeWindowMs });
  await runDurableObjectAlarm(channelObject(id));
  await runInDurableObject(channelObject(id), (_, state) => state.abort("killed by a test")).catch(() => undefined);
  const late = channelSink(env, { id });
  for (const batch of [both.slice(0, 20), both.slice(-20), both]) {
    expect(await late.take(batch)).toEqual({ sent: 0, repeated: batch.length, skipped: 0 });
  }
  expect((await held(id)).map(({ original }) => original)).toEqual(both.map(originalOf));
});

it("goes on after the last line that is in the channel, also in the middle of a batch and among lines of one time", async () => {
  const id = await order({});
  const sink = channelSink(env, { id });
  expect(both[0]?.at).toBe(both[1]?.at);
  await sink.take(both.slice(0, 1));
  await sink.take(both.slice(0, 13));
  await sink.take(both.slice(10, 40));
  expect(await held(id)).toEqual(both.slice(0, 40).map((line, index) => ({ offset: index + 1, original: originalOf(line) })));
});

it("leaves out what is no event, and keeps ids that the log has twice", async () => {
  const id = await order({});
  const [line] = opportunities;
  if (line === undefined) throw new Error("no line");
  const lines = [line, { ...line, offset: 2, text: "not an event" }, { ...line, offset: 3 }];
  expect(await channelSink(env, { id }).take(lines)).toEqual({ sent: 2, repeated: 0, skipped: 1 });
  expect((await held(id)).map(({ original }) => original.offset)).toEqual([1, 3]);
});

type PublishRequest = Parameters<ChannelRpc["publish"]>[0];

/** The real channel, but for what a test says of its publish, and an end that is not known unless it is. */
function depsFor(id: string, { publish, isBlind = false }: { publish?: ChannelRpc["publish"]; isBlind?: boolean }) {
  const real = () => channelStub(env, replayChannelOf(id));
  const waits: number[] = [];
  const channel = () => ({
    history: async (request: Parameters<ChannelRpc["history"]>[0]) =>
      isBlind ? { v: 1 as const, epoch: "", top: 0, first: 1, rows: [] } : real().history(request),
    publish: publish ?? ((request: PublishRequest) => real().publish(request)),
  });
  return { waits, deps: { channel, sleep: async (ms: number) => void waits.push(ms), timeoutMs: 5_000 } };
}

it("knows an event by its original position, also after a death that no blob of its dedupe survived", async () => {
  const id = await order({});
  await channelSink(env, { id }).take(both.slice(0, 10));
  await runInDurableObject(channelObject(id), (_, state) => state.abort("killed by a test")).catch(() => undefined);
  // As two that are at it at once: the second one asked how far the channel is before the first one published.
  await channelSink(env, { id }, depsFor(id, { isBlind: true }).deps).take(both.slice(5, 15));
  expect((await held(id)).map(({ original }) => original)).toEqual(both.slice(0, 15).map(originalOf));
});

it("waits for a channel without room, and gives up after a while", async () => {
  const id = await order({});
  let refusals = 2;
  const publish: ChannelRpc["publish"] = async (request) =>
    refusals-- > 0 ? { v: 1, kind: "full", retryAfterMs: 5_000 } : channelStub(env, request.stream).publish(request);
  const { waits, deps } = depsFor(id, { publish });
  expect(await channelSink(env, { id }, deps).take(both.slice(0, 10))).toMatchObject({ sent: 10 });
  expect(waits).toEqual([5_000, 5_000]);
  refusals = Number.POSITIVE_INFINITY;
  await expect(channelSink(env, { id }, deps).take(both.slice(0, 20))).rejects.toThrow("has had no room for 60000 ms");
  expect(await held(id)).toHaveLength(10);
});

it("gives up a channel that does not answer, for the step to be done again", async () => {
  const { deps } = depsFor("silent", { isBlind: true, publish: () => new Promise(() => undefined) });
  await expect(channelSink(env, { id: "silent" }, { ...deps, timeoutMs: 5 }).take(both)).rejects.toThrow("did not answer within 5 ms");
});

it("publishes no more at once than a post may have, by number and by bytes", async () => {
  const sizes: [events: number, bytes: number][] = [];
  const publish: ChannelRpc["publish"] = async ({ events }) => {
    sizes.push([events.length, events.reduce((sum, { text }) => sum + text.length, 0)]);
    return { v: 1, kind: "ok", epoch, offsets: [], duplicates: [] };
  };
  const { deps } = depsFor("sizes", { isBlind: true, publish });
  const [line] = opportunities;
  if (line === undefined) throw new Error("no line");
  const many = (count: number, text: string) => Array.from({ length: count }, (_, index) => ({ ...line, offset: index + 1, text }));
  await channelSink(env, { id: "sizes" }, deps).take(many(requestEventsMax + 1, executions[0]?.text ?? ""));
  expect(sizes.map(([events]) => events).every((events) => events <= requestEventsMax)).toBe(true);
  const large = opportunity("large", { timeMs: startMs, data: { note: "x".repeat(50_000) } });
  sizes.length = 0;
  await channelSink(env, { id: "sizes" }, deps).take(many(25, renderEvent(large)));
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.every(([, bytes]) => bytes <= streamBatchBytesMax)).toBe(true);
  expect(sizes.reduce((sum, [events]) => sum + events, 0)).toBe(25);
});

it.each(["cancel", "pause"] as const)("after %s and resume the channel has each line once", async (wanted) => {
  const id = await order({});
  const stopped = await run(id, { onTake: (batch) => (batch === 5 ? wish(env, id, wanted) : undefined) });
  expect(stopped.state).toBe(wanted === "cancel" ? "cancelled" : "paused");
  const before = (await held(id)).length;
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(both.length);
  await resumeRun(env, id, { nowMs: Date.now(), runningMax: 100 });
  expect((await run(id)).state).toBe("done");
  expect((await held(id)).map(({ original }) => original)).toEqual(both.map(originalOf));
});

// ---- who may hear it

async function read(
  path: string,
  bearer: string | undefined,
): Promise<{ status: number; data?: { events?: { event: { original?: unknown } }[] } }> {
  const headers: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  const response = await app.request(path, { headers }, env);
  const answer = (await response.json()) as { data?: { events?: { event: { original?: unknown } }[] } };
  return { status: response.status, ...answer };
}

async function refusalOf(channel: string, bearer: string | undefined): Promise<unknown> {
  const socket = await openSocket(bearer === undefined ? "/ws" : `/ws?token=${bearer}`);
  socket.send({ type: "subscribe", channel });
  const { code } = await socket.next("error");
  socket.close();
  return code;
}

it("is for operators alone, whatever a token's map says", async () => {
  const id = await order({});
  await channelSink(env, { id }).take(both.slice(0, 3));
  const grants = { "*": ["subscribe", "history", "presence"], "replay:*": ["subscribe", "history", "presence"] };
  const trader = await token({ claims: { sub: "tom", role: "trader", channels: grants } });
  for (const [bearer, status, code] of [
    [trader, 403, "FORBIDDEN"],
    [undefined, 401, "UNAUTHORIZED"],
  ] as const) {
    for (const path of [`/api/channels/replay:${id}/history`, `/api/channels/replay:${id}/presence`, `/sse/replay:${id}`]) {
      expect((await read(path, bearer)).status, path).toBe(status);
    }
    expect(await refusalOf(`replay:${id}`, bearer)).toBe(code);
  }
  const admin = await token({ claims: { sub: "ada", role: "admin" } });
  for (const bearer of [await operator(), admin]) {
    const page = await read(`/api/channels/replay:${id}/history`, bearer);
    expect(page.data?.events?.map(({ event }) => event.original)).toEqual(both.slice(0, 3).map(originalOf));
    expect((await read(`/api/channels/replay:${id}/presence`, bearer)).status).toBe(200);
  }
  const keyed = await app.request(`/api/channels/replay:${id}/presence`, { headers: { "x-api-key": env.OPS_API_KEY } }, env);
  expect(keyed.status).toBe(200);
});

it("creates no object for a replay that does not publish, not even for operators", async () => {
  const dryRun = await order({ mode: "dry-run" });
  const before = (await listDurableObjectIds(env.CHANNELS)).length;
  const bearer = await operator();
  for (const name of ["replay:nobody", `replay:${dryRun}`, "replay:a:b"]) {
    const path = `/api/channels/${encodeURIComponent(name)}`;
    expect((await read(`${path}/history`, bearer)).status, name).toBe(404);
    expect((await read(`${path}/presence`, bearer)).status, name).toBe(404);
    expect((await read(`/sse/${encodeURIComponent(name)}`, bearer)).status, name).toBe(404);
    expect(await refusalOf(name, bearer), name).toBe("NOT_FOUND");
  }
  expect(await listDurableObjectIds(env.CHANNELS)).toHaveLength(before);
});

it("clears the channel a day after its last event once nobody hears it, and what comes then has a new epoch", async () => {
  const id = await order({});
  const stream = replayChannelOf(id);
  await channelSink(env, { id }).take(both.slice(0, 10));
  const { epoch: first } = await channelStub(env, stream).interest({ v: 1, stream, relay: "relay:weur:77", generation: 1 });
  const tables = () =>
    runInDurableObject(channelObject(id), (_, state) =>
      state.storage.sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 'log'").one(),
    );
  setFaults({ ...swallow, skewMs: replayChannelIdleMs - 60_000, deliver: () => Promise.reject(new Error("gone")) });
  await runDurableObjectAlarm(channelObject(id));
  expect(await held(id)).toHaveLength(10);
  // The relay's lease has ended by now.
  setFaults({ ...swallow, skewMs: replayChannelIdleMs + leaseMs + 60_000 });
  await runDurableObjectAlarm(channelObject(id));
  expect(await tables()).toEqual({ n: 0 });
  const taken = await channelSink(env, { id }).take(both.slice(10, 20));
  expect(taken).toMatchObject({ sent: 10 });
  expect((await channelStub(env, stream).status({ v: 1, stream })).epoch > first).toBe(true);
  expect((await held(id)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

// ---- D1

const db = env.OPPORTUNITIES_DB;
type Row = Readonly<Record<string, unknown>> & { readonly opportunity_id: string };

async function liveRows(): Promise<Row[]> {
  return (await db.prepare("SELECT * FROM opportunities ORDER BY opportunity_id").all<Row>()).results;
}

async function writeLive(
  events: readonly { readonly event: EdgeEvent; readonly offset: number; readonly epoch?: string }[],
): Promise<void> {
  const table = findHotTable("opportunities");
  if (table === undefined) throw new Error("no table");
  const placed = events.map(({ event, offset, epoch: at = epoch }) => ({ event, offset, epoch: at, version: versionOf(event) }));
  await upsertNewest(db, { table, placed, now: Date.now() });
}

/** As the consumer of live events has left them. */
async function fillLive(): Promise<Row[]> {
  await db.batch([db.prepare("DELETE FROM opportunities"), db.prepare("DELETE FROM executions")]);
  const { parseEvent } = await import("../../schemas/event.ts");
  const events = opportunities.map(({ text, offset }) => {
    const parsed = parseEvent(JSON.parse(text));
    if (!parsed.ok) throw new Error(parsed.fault.message);
    return { event: parsed.event, offset };
  });
  await writeLive(events);
  return liveRows();
}

async function freshTables(): Promise<unknown[]> {
  return (await db.prepare("SELECT name FROM sqlite_master WHERE name GLOB 'verify_*' ORDER BY name").all()).results;
}

it("rebuilds D1 row for row while live writes go on, through cancel, resume and every batch twice", async () => {
  const before = await fillLive();
  const lost = before.slice(10, 40).map((row) => row.opportunity_id);
  await db.prepare("DELETE FROM opportunities WHERE opportunity_id IN (SELECT value FROM json_each(?1))").bind(JSON.stringify(lost)).run();
  await db.prepare("UPDATE opportunities SET time_ms = time_ms - 5000000, status = 'pending' WHERE opportunity_id = 'opp-3'").run();
  const id = await order({ mode: "rebuild", verify: true });
  const live = (batch: number) => {
    const timeMs = Date.now() - 1_000 + batch;
    const written = [`opp-${batch}`, `new-${batch}`].map((entity) => opportunity(entity, { timeMs, type: "opportunity.updated" }));
    return writeLive(written.map((event, index) => ({ event, offset: 10_000 + 2 * batch + index })));
  };
  const bounds = { lines: 80, batchLines: 40 };
  const cancel = async (batch: number): Promise<void> => {
    await live(batch);
    if (batch === 2) await wish(env, id, "cancel");
  };
  const halfway = await run(id, { onTake: cancel, bounds });
  expect(halfway.state).toBe("cancelled");
  await resumeRun(env, id, { nowMs: Date.now(), runningMax: 100 });
  const { state, result } = await run(id, { onTake: (batch) => live(batch + 10), bounds });
  expect(state).toBe("done");
  const after = new Map((await liveRows()).map((row) => [row.opportunity_id, row]));
  const touched = new Set([...after.values()].filter(({ offset }) => Number(offset) >= 10_000).map((row) => row.opportunity_id));
  expect(touched.size).toBeGreaterThan(8);
  for (const row of before) if (!touched.has(row.opportunity_id)) expect(after.get(row.opportunity_id)).toEqual(row);
  expect(before.every((row) => after.has(row.opportunity_id))).toBe(true);
  expect(await db.prepare("SELECT count(*) AS n FROM executions").first("n")).toBe(executions.length);
  const newer = before.filter((row) => touched.has(row.opportunity_id)).length;
  expect(result).toMatchObject({
    skipped: 0,
    missing_positions: 0,
    verified: { compared: entities + executions.length, equal: entities - newer + executions.length, newer, unequal: 0, different: [] },
  });
  expect(await freshTables()).toEqual([]);
});

it("names what differs from the log: other columns under one version, and rows that the log has no line of", async () => {
  await fillLive();
  const id = await order({ mode: "rebuild", verify: true, streams: ["opportunities"] });
  const sink = rebuildSink(env, { id, verify: true, isFiltered: false });
  expect(await sink.take(opportunities)).toEqual({ applied: 0, unchanged: opportunities.length, skipped: 0 });
  await db.prepare("UPDATE opportunities SET risk_score = 9, chain = 'base' WHERE opportunity_id = 'opp-7'").run();
  await db.prepare("DELETE FROM opportunities WHERE opportunity_id = 'opp-8'").run();
  await db.prepare("UPDATE opportunities SET time_ms = time_ms - 1 WHERE opportunity_id = 'opp-9'").run();
  await db.prepare("UPDATE opportunities SET opportunity_id = 'stranger' WHERE opportunity_id = 'opp-10'").run();
  const table = "opportunities";
  const expected = [
    { table, id: "opp-10", live: "missing" },
    { table, id: "opp-7", live: "other", columns: ["chain", "risk_score"] },
    { table, id: "opp-8", live: "missing" },
    { table, id: "opp-9", live: "older" },
    { table, id: "stranger", live: "unlogged" },
  ];
  const verified = { compared: entities, equal: entities - 4, newer: 0, unequal: 5, different: expected };
  // A step that died after its work says the same again; what it compares is dropped once that is written down.
  for (let turn = 0; turn < 2; turn += 1) expect(await sink.finish()).toEqual({ verified });
  for (let turn = 0; turn < 2; turn += 1) await sink.clean?.();
  expect(await freshTables()).toEqual([]);
});

it("skips what is pruned, what D1 has no table for and what is no event of its stream; the rest is compared", async () => {
  await fillLive();
  const old = opportunity("ancient", { timeMs: Date.now() - opportunityRetentionMs - 1_000 });
  const alert = { ...(opportunities[0] as ReplayLine), stream: "alerts" };
  const foreign = { ...(opportunities[1] as ReplayLine), stream: "executions" };
  const lines = [{ ...(opportunities[0] as ReplayLine), text: renderEvent(old) }, alert, foreign, ...opportunities.slice(0, 5)];
  const sink = rebuildSink(env, { id: "skips", verify: true, isFiltered: true });
  expect(await sink.take(lines)).toEqual({ applied: 0, unchanged: 5, skipped: 3 });
  expect(await sink.finish()).toMatchObject({ verified: { compared: 5, equal: 0, newer: 5, unequal: 0, different: [] } });
});

it("keeps the fresh table of a failed replay for its resume, and clears what cancelled and forgotten ones have left", async () => {
  await fillLive();
  const failed = await order({ mode: "rebuild", verify: true });
  for (const id of [failed, "forgotten"]) await rebuildSink(env, { id, verify: true, isFiltered: false }).take(opportunities.slice(0, 5));
  await env.METRICS_DB.prepare("UPDATE replays SET state = 'failed' WHERE id = ?1").bind(failed).run();
  await rebuildSink(env, { id: "later", verify: true, isFiltered: false }).take(opportunities.slice(0, 5));
  expect(await freshTables()).toEqual([{ name: "verify_later_opportunities" }, { name: `verify_${failed}_opportunities` }]);
  for (const id of [failed, "later"]) {
    const sink = rebuildSink(env, { id, verify: true, isFiltered: false });
    expect(await sink.finish()).toMatchObject({ verified: { compared: 5 } });
    await sink.clean?.();
  }
  expect(await freshTables()).toEqual([]);
});
