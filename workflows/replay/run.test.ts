/** A replay over the real log, rows and Workflows: what it hands over and counts, whatever interrupts it. What sinks make of it is theirs. */
import { introspectWorkflowInstance } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { replayKeptMs, replayLostMs, replaySilentMs, replaysRunningMax } from "../../schemas/limits-replay.ts";
import { newCheckpoint, replayInstance } from "../../schemas/replay.ts";
import type { ReplayOrder, ReplayRow, ReplaySpec } from "../../schemas/replay.ts";
import { hourOf, putLogObject, startOfHour } from "../../stores/event-log.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import * as replays from "../../stores/replays.ts";
import { loggedLine, storeGeneratedLog } from "../../tests/support/log-hours.ts";
import { compactionDeps } from "../compaction/compaction.ts";
import { runCompaction } from "../compaction/run.ts";
import { runReplayCron } from "./cron.ts";
import { replayDeps } from "./replay.ts";
import { runReplay } from "./run.ts";
import type { ReplayDeps, ReplayOptions, ReplayOutcome, ReplaySteps } from "./run.ts";
import type { ReplayLine, ReplaySink } from "./sink.ts";

const hour = hourOf(Date.UTC(2026, 10, 24, 7));
const from = startOfHour(hour);
const window = { fromMs: from, toMs: startOfHour(hour + 1) };
/** Two streams whose lines fall between each other's. */
const log = { epoch: "01jd0000000000", firstHour: hour, objectLines: 40, twicePercent: 5, latePercent: 0 };
const bounds = { lines: 60, batchLines: 20 };

beforeAll(async () => {
  await storeGeneratedLog(env.EDGE_LOGS, { ...log, stream: "alerts", eventsOfHour: [90] });
  await storeGeneratedLog(env.EDGE_LOGS, { ...log, stream: "market", eventsOfHour: [120] });
});

beforeEach(async () => {
  vi.spyOn(console, "info").mockReturnValue(undefined);
  await env.METRICS_DB.prepare("DELETE FROM replays").run();
});

const usual: ReplaySpec = {
  v: 1,
  mode: "rebuild",
  streams: ["alerts", "market"],
  ...window,
  pace: "instant",
  eventsPerSecondMax: 25_000,
  verify: false,
};
let orders = 0;

async function ordered(spec: Partial<ReplaySpec> = {}): Promise<ReplayOrder> {
  orders += 1;
  const id = `r${String(orders).padStart(5, "0")}`;
  const isNew = await replays.createReplay(env, { id, spec: { ...usual, ...spec }, requestedBy: "operator", nowMs: Date.now() }, 100);
  expect(isNew).toBe(true);
  return { id, run: 1, leg: 0 };
}

async function rowOf({ id }: { readonly id: string }): Promise<ReplayRow> {
  const row = await replays.findReplay(env, id);
  if (row === undefined) throw new Error(`no replay ${id}`);
  return row;
}

async function resumed({ id }: ReplayOrder): Promise<ReplayOrder> {
  const run = await replays.resumeRun(env, id, { nowMs: Date.now(), runningMax: 100 });
  if (run === undefined) throw new Error(`${id} could not be resumed`);
  return { id, run, leg: 0 };
}

const nameOf = ({ stream, offset }: Pick<ReplayLine, "stream" | "offset">): string => `${stream}:${offset}`;

/** As a sink is: what it has had it does not do again. */
class Recorder implements ReplaySink {
  readonly effects: string[] = [];
  readonly batches: string[][] = [];
  readonly #had = new Set<string>();

  async take(lines: readonly ReplayLine[]): Promise<Record<string, number>> {
    const names = lines.map(nameOf);
    this.batches.push(names);
    for (const name of names) if (!this.#had.has(name)) this.effects.push(name);
    for (const name of names) this.#had.add(name);
    return { applied: lines.length };
  }

  async finish(): Promise<Record<string, unknown>> {
    return { verified: this.effects.length };
  }
}

const plainSteps: ReplaySteps = { do: (_, work) => work(), sleep: async () => undefined };

function depsOf(order: ReplayOrder, sink: ReplaySink, overrides: Partial<ReplayDeps> = {}): ReplayDeps {
  const real = replayDeps(env, order);
  return { ...real, sink: async (spec) => (spec.mode === "dry-run" ? undefined : sink), wait: async () => undefined, ...overrides };
}

async function run(deps: ReplayDeps, options: ReplayOptions & { readonly steps?: ReplaySteps } = {}): Promise<ReplayOutcome["kind"]> {
  const { steps = plainSteps, ...rest } = options;
  return (await runReplay(steps, deps, { bounds, ...rest })).kind;
}

/** All that must not depend on what happened on the way. */
async function told(order: ReplayOrder): Promise<unknown> {
  const { state, result, error, checkpoint } = await rowOf(order);
  const { since: _, anchor: __, run: ___, ...counted } = checkpoint;
  return { state, result, error, counted };
}

async function undisturbed(spec: Partial<ReplaySpec>): Promise<{ readonly effects: readonly string[]; readonly end: unknown }> {
  const order = await ordered(spec);
  const recorder = new Recorder();
  expect(await run(depsOf(order, recorder))).toBe("done");
  return { effects: recorder.effects, end: await told(order) };
}

/** Steps whose answers are kept as Workflows keep them, and a process that dies at one call and comes back with those answers. */
function mortal(when: "before" | "after", isVictim: (name: string, call: number) => boolean) {
  const kept = new Map<string, unknown>();
  let calls = 0;
  let dead = false;
  let died = false;
  const dying = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (dead) throw new Error("killed");
    calls += 1;
    const dies = !died && isVictim(name, calls);
    if (dies) dead = died = true;
    if (dies && when === "before") throw new Error("killed");
    const answer = await work();
    if (dies) throw new Error("killed");
    return answer;
  };
  const steps: ReplaySteps = {
    async do<T>(name: string, work: () => Promise<T>): Promise<T> {
      if (dead) throw new Error("killed");
      if (!kept.has(name)) {
        const answer = structuredClone(await dying(`step ${name}`, work));
        if (dead) throw new Error("killed");
        kept.set(name, answer);
      }
      return kept.get(name) as T;
    },
    sleep: async () => undefined,
  };
  const mortalDeps = (deps: ReplayDeps): ReplayDeps => ({
    ...deps,
    load: () => dying("load", deps.load),
    save: (checkpoint) => dying("save", () => deps.save(checkpoint)),
    end: (end) => dying("end", () => deps.end(end)),
    extent: (piece) => dying("extent", () => deps.extent(piece)),
    setAside: (piece) => dying("set aside", () => deps.setAside(piece)),
    async sink(spec) {
      const sink = await deps.sink(spec);
      if (sink === undefined) return undefined;
      return {
        take: (lines) => dying("take", () => sink.take(lines)),
        finish: () => dying("finish", () => sink.finish()),
        clean: () => dying("clean", async () => sink.clean?.()),
      };
    },
  });
  return { steps, deps: mortalDeps, died: () => died, revive: () => (dead = false) };
}

describe("a window of two streams", () => {
  it("is handed over in the order of time, each position once, and counted", async () => {
    const { effects, end } = await undisturbed({});
    const expected: { name: string; at: number }[] = [];
    for (const stream of usual.streams)
      for await (const line of readLog(env.EDGE_LOGS, { stream, from, to: window.toMs }))
        expected.push({ name: nameOf({ ...line, stream }), at: line.at });
    expect(effects).toEqual(expected.toSorted((a, b) => a.at - b.at).map(({ name }) => name));
    expect(effects).toHaveLength(210);
    expect(end).toMatchObject({
      state: "done",
      counted: { read: 210, matched: 210, sent: 210, total: 210, cursors: { alerts: { offset: 90 }, market: { offset: 120 } } },
      result: { sent: 210, applied: 210, verified: 210, missing: [], missing_positions: 0, quarantined: [] },
    });
  });

  it("that begins and ends within the hour knows how much there is, in raw objects and in parts", async () => {
    const stream = "metrics";
    // All of a busy minute: by the clock it would be a sixtieth of the hour.
    const busy = Array.from({ length: 300 }, (_, index) => loggedLine("e1", index + 1, from + 60_000 + index * 10));
    for (let at = 0; at < 300; at += 70) await putLogObject(env.EDGE_LOGS, stream, busy.slice(at, at + 70));
    const inner = { stream, from: from + 60_000 + 95 * 10, to: from + 60_000 + 205 * 10 };
    const cases = [
      [inner, 110],
      [{ ...inner, from }, 205],
      [{ ...inner, to: window.toMs - 1 }, 205],
      [{ ...inner, from, to: from + 60_000 }, 0],
      [{ ...inner, from: from + 70_000, to: window.toMs }, 0],
      [{ ...inner, from, to: window.toMs }, 300],
    ] as const;
    const deps = depsOf(await ordered(), new Recorder());
    for (const [piece, positions] of cases) expect((await deps.extent(piece)).positions).toBe(positions);
    const order = { stream, hour, marks: 1 };
    await runCompaction({ do: (_, work) => work() }, compactionDeps(env), { order, work: "compaction/v1/extent/" });
    for (const [piece, positions] of cases) expect(await deps.extent(piece)).toEqual({ positions, objects: 1 });
  });

  it("is only counted by a dry run, with a filter only what matches", async () => {
    const { effects, end } = await undisturbed({ mode: "dry-run", entities: ["opp-7", "opp-100"] });
    expect(effects).toEqual([]);
    expect(end).toMatchObject({
      counted: { read: 210, matched: 3, sent: 0 },
      result: { events: 3, by_type: { "opportunity.detected": 3 }, missing: [], quarantined: [] },
    });
  });

  it("ends after as many as were asked for", async () => {
    const { effects, end } = await undisturbed({ deliveryLimit: 33 });
    expect(effects).toHaveLength(33);
    expect(end).toMatchObject({ state: "done", counted: { matched: 33, sent: 33 } });
  });

  it("that lies behind a position is read without opening what lies before it", async () => {
    const opened: string[] = [];
    const bucket = new Proxy(env.EDGE_LOGS, {
      get: (target, name) => {
        const call: unknown = Reflect.get(target, name);
        if (typeof call !== "function") return call;
        return (...args: unknown[]): unknown => {
          if (name === "get" && String(args[0]).startsWith("events/")) opened.push(String(args[0]));
          return call.apply(target, args);
        };
      },
    });
    const at = from + Math.floor((79 / 120) * 3_599_000);
    const offsets: number[] = [];
    const rest = { stream: "market", from, to: window.toMs, after: { epoch: log.epoch, offset: 80, at } };
    for await (const { offset } of readLog(bucket, rest)) offsets.push(offset);
    expect(offsets).toEqual(Array.from({ length: 40 }, (_, index) => 81 + index));
    expect(opened.filter((key) => key.includes("-0000000000000001-") || key.includes("-0000000000000041-"))).toEqual([]);
  });
});

// What a dry run has counted lies in its checkpoint alone: a death before a call is one after the call before.
describe.each([
  ["rebuild", ["before", "after"]],
  ["dry-run", ["after"]],
] as const)("a %s that dies", (mode, times) => {
  it("at whatever step or call, before its work or after it, ends the same: no hole, no double effect", async () => {
    for (const [stream, events] of [
      ["small-a", 20],
      ["small-b", 16],
    ] as const)
      await storeGeneratedLog(env.EDGE_LOGS, { ...log, stream, eventsOfHour: [events], twicePercent: 0 });
    const spec = { mode, streams: ["small-a", "small-b"] };
    const { effects, end } = await undisturbed(spec);
    expect(end).toMatchObject({ counted: { matched: 36 } });
    let victim = 1;
    for (let more = true; more; victim += 1) {
      for (const when of times) {
        const order = await ordered(spec);
        const recorder = new Recorder();
        const life = mortal(when, (_, call) => call === victim);
        const deps = life.deps(depsOf(order, recorder));
        const options = { steps: life.steps, bounds: { lines: 14, batchLines: 7 } };
        const first = await run(deps, options).catch(() => "killed");
        life.revive();
        if (first === "killed") expect(await run(deps, options), `${when} ${victim}`).toMatch(/done|superseded/);
        more = life.died();
        expect(recorder.effects, `${when} ${victim}`).toEqual(effects);
        expect(await told(order), `${when} ${victim}`).toEqual(end);
      }
    }
    expect(victim).toBeGreaterThan(20);
  }, 120_000);
});

describe("an operator's word", () => {
  it.each(["pause", "cancel"] as const)(
    "%s is heard within a slice, wherever it comes; resumed, no hole and no double effect",
    async (wanted) => {
      const { effects } = await undisturbed({});
      for (let batch = 1; batch <= 11; batch += 1) {
        const first = await ordered();
        const recorder = new Recorder();
        const deps = depsOf(first, {
          take: async (lines) => {
            const taken = await recorder.take(lines);
            if (recorder.batches.length === batch) await replays.wish(env, first.id, wanted);
            return taken;
          },
          finish: () => recorder.finish(),
        });
        const ended = wanted === "pause" ? "paused" : "cancelled";
        expect(await run(deps), `batch ${batch}`).toBe(ended);
        expect(await rowOf(first)).toMatchObject({ state: ended, wanted: undefined, result: undefined });
        // What was handed over is what was counted.
        expect((await rowOf(first)).checkpoint).toMatchObject({ sent: recorder.effects.length, read: recorder.effects.length });
        const second = await resumed(first);
        expect(await run(depsOf(second, recorder))).toBe("done");
        expect(recorder.effects).toEqual(effects);
        expect(recorder.batches.flat()).toEqual(effects);
      }
    },
    60_000,
  );

  it("that is taken back in time changes nothing", async () => {
    const order = await ordered();
    const recorder = new Recorder();
    const deps = depsOf(order, recorder, {
      end: async (end) => {
        if (end.state === "paused") expect(await replays.unpause(env, order.id)).toBe(true);
        return replays.endRun(env, order, { end, nowMs: Date.now() });
      },
    });
    await replays.wish(env, order.id, "pause");
    expect(await run(deps)).toBe("done");
    expect(recorder.batches.flat()).toHaveLength(210);
  });

  it("reaches a slice of a minute between its batches", async () => {
    const order = await ordered();
    const recorder = new Recorder();
    let nowMs = Date.now();
    const sink: ReplaySink = {
      async take(lines) {
        nowMs += 1_100;
        if (recorder.batches.length === 0) await replays.wish(env, order.id, "pause");
        return recorder.take(lines);
      },
      finish: () => recorder.finish(),
    };
    expect(await run(depsOf(order, sink, { now: () => nowMs }), { bounds: { lines: 10_000, batchLines: 20 } })).toBe("paused");
    expect(recorder.batches).toHaveLength(2);
  });

  it("of who resumes ends what an earlier run still does: it writes and ends nothing any more", async () => {
    const first = await ordered();
    const recorder = new Recorder();
    let left = 0;
    const deps = depsOf(first, {
      // Cancelled and resumed while it was on its way.
      async take(lines) {
        const taken = await recorder.take(lines);
        if (recorder.batches.length === 2) {
          await env.METRICS_DB.prepare("UPDATE replays SET state = 'paused'").run();
          await resumed(first);
        }
        left += 1;
        return taken;
      },
      finish: () => Promise.reject(new Error("the run was left behind")),
    });
    expect(await run(deps)).toBe("superseded");
    expect(left).toBe(3);
    const second = { ...first, run: 2 };
    expect(await rowOf(first)).toMatchObject({ state: "queued", run: 2, checkpoint: { read: 0 } });
    expect(await run(depsOf(second, recorder))).toBe("done");
    expect(recorder.effects).toHaveLength(210);
    expect((await rowOf(first)).checkpoint).toMatchObject({ read: 210, sent: 210 });
    expect(await replays.saveCheckpoint(env, second, { checkpoint: newCheckpoint, nowMs: 1 })).toBe("superseded");
    expect(await replays.endRun(env, second, { end: { state: "failed", error: "late" }, nowMs: 1 })).toBe(false);
  });
});

it("goes on in another instance when one has had its steps, and the one before can do nothing more", async () => {
  const first = await ordered();
  const recorder = new Recorder();
  let went = 0;
  const goOn = async (): Promise<void> => void (went += 1);
  expect(await run(depsOf(first, recorder, { goOn }), { slicesMax: 2 })).toBe("continued");
  expect([went, recorder.effects.length]).toEqual([1, 120]);
  const { since } = (await rowOf(first)).checkpoint;
  const second = { ...first, leg: 1 };
  expect(await run(depsOf(second, recorder, { goOn }), { slicesMax: 1 })).toBe("continued");
  expect(await replays.beginRun(env, first, Date.now())).toBeUndefined();
  expect(await run(depsOf({ ...first, leg: 2 }, recorder, { goOn }))).toBe("done");
  expect(recorder.batches.flat()).toHaveLength(210);
  // A rate is measured over the run, not the instance.
  expect((await rowOf(first)).checkpoint.since).toEqual(since);
});

describe("a pace", () => {
  const stream = "integration";
  const seconds = [0, 1, 2, 20, 21, 200];

  beforeAll(async () => {
    const lines = seconds.map((second, index) => loggedLine("e1", index + 1, from + second * 1_000));
    await putLogObject(env.EDGE_LOGS, stream, lines);
  });

  /** A clock that only waiting moves. */
  function paced(order: ReplayOrder, start: number, onTake: (offset: number) => Promise<unknown> = async () => undefined) {
    let nowMs = start;
    const went: (readonly [number, number])[] = [];
    const slept: number[] = [];
    const waited: number[] = [];
    const pass = async (ms: number, where: number[]): Promise<void> => {
      where.push(ms);
      nowMs += ms;
    };
    const sink: ReplaySink = {
      async take(lines) {
        for (const { offset } of lines) {
          went.push([offset, (nowMs - start) / 1_000]);
          await onTake(offset);
        }
        return {};
      },
      finish: async () => ({}),
    };
    const deps = depsOf(order, sink, { now: () => nowMs, wait: (ms) => pass(ms, waited) });
    const steps: ReplaySteps = { do: (_, work) => work(), sleep: (_, ms) => pass(ms, slept) };
    return { deps, steps, went, slept, waited };
  }

  it.each([
    ["original", [0, 1, 2, 20, 21, 200]],
    ["x10", [0, 0.1, 0.2, 2, 2.1, 20]],
  ])("%s leaves the times between lines as they were, or in proportion", async (pace, expected) => {
    const order = await ordered({ streams: [stream], pace });
    const { deps, steps, went, slept, waited } = paced(order, Date.now());
    expect(await run(deps, { steps })).toBe("done");
    expect(went).toEqual(expected.map((second, index) => [index + 1, second]));
    // Long waits are the Workflow's; none is so long that a pause would not be heard.
    expect(Math.max(...waited)).toBeLessThanOrEqual(5_000);
    expect(slept.length).toBeGreaterThan(0);
    expect(Math.max(...slept)).toBeLessThanOrEqual(60_000);
  });

  it("does not make up for the time of a pause", async () => {
    const first = await ordered({ streams: [stream], pace: "original" });
    const before = paced(first, Date.now(), (offset) => (offset === 3 ? replays.wish(env, first.id, "pause") : Promise.resolve()));
    expect(await run(before.deps, { steps: before.steps })).toBe("paused");
    const after = paced(await resumed(first), Date.now() + 3_600_000);
    expect(await run(after.deps, { steps: after.steps })).toBe("done");
    expect([...before.went, ...after.went]).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 0],
      [5, 1],
      [6, 180],
    ]);
  });

  it("never hands over more in a second than is allowed", async () => {
    const order = await ordered({ eventsPerSecondMax: 30 });
    const { deps, steps, went } = paced(order, Date.now());
    expect(await run(deps, { steps })).toBe("done");
    for (const [index, [, second]] of went.entries()) expect(went[index + 49]?.[1] ?? Infinity).toBeGreaterThan(second + 0.6);
    expect(went.at(-1)?.[1]).toBeGreaterThan(6);
    expect(went.at(-1)?.[1]).toBeLessThan(7.1);
  });
});

it("a hole in the log and an object that compaction set aside are in the result; one that cannot be read ends it with its name, until then", async () => {
  const stream = "executions";
  const keys: string[] = [];
  for (const [first, last] of [
    [1, 20],
    [23, 40],
    [41, 60],
  ] as const) {
    const lines = Array.from({ length: last - first + 1 }, (_, index) => loggedLine("e1", first + index, from + (first + index) * 1_000));
    keys.push(await putLogObject(env.EDGE_LOGS, stream, lines));
  }
  const torn = keys[1] ?? "";
  await env.EDGE_LOGS.put(torn, "not gzip");
  const first = await ordered({ streams: [stream] });
  const recorder = new Recorder();
  expect(await run(depsOf(first, recorder), { bounds: { lines: 10, batchLines: 5 } })).toBe("failed");
  const failed = await rowOf(first);
  expect(failed).toMatchObject({ state: "failed", endedMs: expect.any(Number) as number });
  expect(failed.error).toContain(torn);
  expect(failed.error).toContain("POST /ops/logs/hours");
  const order = { stream, hour, marks: 1 };
  await runCompaction({ do: (_, work) => work() }, compactionDeps(env), { order, work: "compaction/v1/replay-test/" });
  expect(await run(depsOf(await resumed(first), recorder), { bounds: { lines: 10, batchLines: 5 } })).toBe("done");
  expect(recorder.effects).toHaveLength(40);
  expect(await rowOf(first)).toMatchObject({
    state: "done",
    error: undefined,
    result: {
      sent: 40,
      missing: [{ stream, epoch: "e1", first: 21, last: 40 }],
      missing_positions: 20,
      quarantined: [{ key: torn }],
    },
  });
});

describe("the Workflow", () => {
  it("does a dry run to its end though a step of it fails, and one that fails for good says why and is resumed", async () => {
    const first = await ordered({ mode: "dry-run" });
    await using instance = await introspectWorkflowInstance(env.REPLAY, replayInstance(first));
    await instance.modify(async (m) => {
      await m.disableRetryDelays();
      await m.mockStepError({ name: "begin" }, new Error("D1 is down"), 1);
      await m.mockStepError({ name: "slice 0" }, new Error("R2: internal error"));
    });
    await env.REPLAY.create({ id: replayInstance(first), params: first });
    await instance.waitForStatus("complete");
    expect(await instance.getOutput()).toEqual({ kind: "failed" });
    const { error } = await rowOf(first);
    expect(error).toContain("R2: internal error");
    expect(error).toContain("resume");
    const second = await resumed(first);
    await using again = await introspectWorkflowInstance(env.REPLAY, replayInstance(second));
    await env.REPLAY.create({ id: replayInstance(second), params: second });
    await again.waitForStatus("complete");
    expect(await again.getOutput()).toEqual({ kind: "done" });
    expect(await rowOf(first)).toMatchObject({ state: "done", run: 2, result: { events: 210 } });
  });

  it("that was lost without a word leaves a replay that can be resumed; one that lives is let be; old ones are forgotten", async () => {
    const [lost, alive, fresh, stuck] = [await ordered(), await ordered(), await ordered(), await ordered()];
    for (const order of [lost, alive]) await replays.beginRun(env, order, Date.now() - replaySilentMs - 1_000);
    await replays.beginRun(env, stuck, Date.now() - replayLostMs - 1_000);
    const old = await ordered();
    await replays.endRun(env, old, { end: { state: "done", result: {} }, nowMs: Date.now() - replayKeptMs - 1_000 });
    const workflow = {
      async get(id: string) {
        if (id === replayInstance(lost)) throw new Error("instance.not_found");
        return { status: async () => ({ status: "running" }) };
      },
    };
    await runReplayCron({ ...env, REPLAY: workflow as unknown as typeof env.REPLAY }, Date.now());
    const states = await Promise.all([lost, alive, fresh, stuck].map(async (order) => (await rowOf(order)).state));
    expect(states).toEqual(["failed", "running", "queued", "failed"]);
    expect((await rowOf(lost)).error).toContain("instance.not_found");
    expect(await replays.findReplay(env, old.id)).toBeUndefined();
  });
});

it("as many run at a time as may, counted where they are made", async () => {
  const made = await Promise.all(
    Array.from({ length: replaysRunningMax + 3 }, (_, index) =>
      replays.createReplay(env, { id: `many${index}`, spec: usual, requestedBy: "operator", nowMs: 1 }, replaysRunningMax),
    ),
  );
  expect(made.filter(Boolean)).toHaveLength(replaysRunningMax);
  const running = made.indexOf(true);
  await replays.wish(env, `many${running}`, "cancel");
  await replays.endRun(env, { id: `many${running}`, run: 1, leg: 0 }, { end: { state: "cancelled" }, nowMs: 2 });
  expect(await replays.resumeRun(env, `many${running}`, { nowMs: 3, runningMax: replaysRunningMax })).toBe(2);
  expect(await replays.resumeRun(env, `many${running}`, { nowMs: 3, runningMax: replaysRunningMax })).toBeUndefined();
});
