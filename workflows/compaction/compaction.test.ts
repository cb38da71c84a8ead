/** The whole of it on the real bucket, database and Workflows: what compaction makes of an hour, whatever interrupts it. */
import { introspectWorkflowInstance } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { compactionBytesMax } from "../../schemas/limits.ts";
import type { Manifest } from "../../schemas/manifest.ts";
import { HourMarker } from "../../stores/compaction-hours.ts";
import { hourOf, hourPrefix, putLogObject, startOfHour } from "../../stores/event-log.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import type { LogCoverage } from "../../stores/event-log-reader.ts";
import { findManifest } from "../../stores/log-manifest.ts";
import { loggedLine, storeGeneratedLog } from "../../tests/support/log-hours.ts";
import type { GeneratedLog } from "../../tests/support/log-hours.ts";
import type { Steps } from "../steps.ts";
import { compactionDeps } from "./compaction.ts";
import { instanceId, startCompactions } from "./cron.ts";
import { runCompaction } from "./run.ts";
import type { CompactionDeps, CompactionResult } from "./run.ts";

const bucket = env.EDGE_LOGS;
const hour = hourOf(Date.UTC(2026, 10, 24, 7));
const stream = "opportunities";

const point1: GeneratedLog = {
  stream,
  epoch: "01jd0000000000",
  firstHour: hour,
  eventsOfHour: [35_000, 10_000, 5_000],
  objectLines: 2_000,
  twicePercent: 5,
  latePercent: 1,
};
const small: GeneratedLog = { ...point1, eventsOfHour: [400], objectLines: 50 };

beforeEach(async () => {
  vi.spyOn(console, "info").mockReturnValue(undefined);
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  await empty();
});

async function empty(): Promise<void> {
  for (let page = await bucket.list(); page.objects.length > 0; page = await bucket.list())
    await bucket.delete(page.objects.map(({ key }) => key));
  await env.METRICS_DB.prepare("DELETE FROM log_hours").run();
}

/** Some seconds where nothing else runs; the machine of a test may be busy. */
const slowMs = 300_000;
const plainSteps: Steps = { do: (_, work) => work() };
let runs = 0;

/** Parts of some hundred rows, so that a small hour has several. */
function depsWith(rowsMax?: number, bindings: Pick<Env, "EDGE_LOGS" | "METRICS_DB"> = env): ReturnType<typeof compactionDeps> {
  const deps = compactionDeps(bindings);
  if (rowsMax === undefined) return deps;
  return { ...deps, writePart: (job, order) => deps.writePart(job, { ...order, limits: { bytesMax: 16 << 20, rowsMax } }) };
}

interface Options {
  readonly steps?: Steps;
  readonly deps?: CompactionDeps;
  readonly of?: number;
  readonly rowsMax?: number;
  readonly work?: string;
}

function compact(options: Options = {}): Promise<CompactionResult> {
  runs += 1;
  const { steps = plainSteps, of = hour, work = `compaction/v1/test-${runs}/`, deps = depsWith(options.rowsMax) } = options;
  return runCompaction(steps, deps, { order: { stream, hour: of, marks: 1 }, work });
}

/** As if nothing had been compacted. */
async function dropResults(): Promise<void> {
  for (const prefix of ["compacted/", "manifests/"]) {
    const { objects } = await bucket.list({ prefix });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
  }
}

async function read(hours = 1): Promise<{ offsets: number[]; texts: string[]; coverage: LogCoverage }> {
  const offsets: number[] = [];
  const texts: string[] = [];
  let coverage: LogCoverage | undefined;
  const window = { stream, from: startOfHour(hour), to: startOfHour(hour + hours) };
  for await (const line of readLog(bucket, window, (note) => (coverage = note))) {
    offsets.push(line.offset);
    texts.push(line.text);
  }
  if (coverage === undefined) throw new Error("no coverage was reported");
  return { offsets, texts, coverage };
}

async function manifestOf(of = hour): Promise<Manifest> {
  const held = await findManifest(bucket, { stream, hour: of });
  if (held === undefined) throw new Error("no manifest");
  return held.manifest;
}

/** Every key and content hash outside of the raw log. */
async function results(): Promise<string[]> {
  const found: string[] = [];
  for (const prefix of ["compacted/", "manifests/", "quarantine/", "compaction/"]) {
    const { objects } = await bucket.list({ prefix });
    found.push(...objects.map(({ key, etag }) => `${key} ${etag}`));
  }
  return found;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("50,000 events, 70 % in one hour, 5 % written twice, 1 % after their hour was compacted", () => {
  it(
    "come out as exactly the distinct positions, proven complete, through raw objects, parts and both",
    async () => {
      const stored = await storeGeneratedLog(bucket, point1);
      const before = await read(3);
      let peakBytes = 0;
      for (const index of [0, 1, 2]) {
        const result = await compact({ of: hour + index });
        if (result.kind !== "compacted") throw new Error(result.kind);
        peakBytes = Math.max(peakBytes, result.peakBytes);
      }
      // What was kept back: the log has holes until it comes, and says so.
      expect((await read(3)).offsets).toEqual(before.offsets);
      const holes = await manifestOf();
      expect(holes.missing_positions).toBe(35_000 - holes.events);
      expect(holes.missing_positions).toBeGreaterThan(200);

      const late = await stored.storeLate();
      expect(late).toBeGreaterThan(400);
      const mixed = await read(3);
      expect(mixed.offsets).toEqual(upTo(50_000));
      expect(mixed.coverage).toMatchObject({ events: 50_000, missing: [], conflicts: 0 });

      for (const index of [0, 1, 2]) await compact({ of: hour + index });
      const after = await read(3);
      expect(after.offsets).toEqual(upTo(50_000));
      expect(after.texts).toEqual(mixed.texts);
      expect(after.coverage).toMatchObject({
        missing: [],
        copies: 0,
        epochs: [{ epoch: point1.epoch, first: 1, last: 50_000, events: 50_000 }],
      });
      const manifest = await manifestOf();
      expect(manifest).toMatchObject({ generation: 2, events: 35_000, missing: [], missing_positions: 0, repeats: 35, conflicts: 0 });
      expect(manifest.copies).toBeGreaterThan(1_500);
      expect(peakBytes).toBeLessThanOrEqual(compactionBytesMax);
    },
    slowMs,
  );
});

describe("bytes", () => {
  it("of an hour compacted in two generations are those of an hour that came whole", async () => {
    const stored = await storeGeneratedLog(bucket, small);
    await compact({ rowsMax: 150 });
    await stored.storeLate();
    await compact({ rowsMax: 150 });
    const late = (await manifestOf()).parts;
    await empty();
    const whole = await storeGeneratedLog(bucket, small);
    await whole.storeLate();
    await compact({ rowsMax: 150 });
    const manifest = await manifestOf();
    expect(manifest.generation).toBe(1);
    expect(manifest.parts.length).toBeGreaterThan(2);
    expect(late).toEqual(manifest.parts);
  });

  it(
    "are the same after a death at every write of every step, before it and after it",
    async () => {
      const stored = await storeGeneratedLog(bucket, small);
      await stored.storeLate();
      await compact({ rowsMax: 150 });
      const expected = await results();
      /** The bucket, in which one call of all that write or delete is refused, or done and not answered. */
      const failing = (victim: number, when: "before" | "after") => {
        let calls = 0;
        const EDGE_LOGS = new Proxy(bucket, {
          get: (target, name) => {
            const call: unknown = Reflect.get(target, name);
            if (typeof call !== "function") return call;
            if (name !== "put" && name !== "delete") return call.bind(target);
            return async (...args: unknown[]) => {
              calls += 1;
              if (calls === victim && when === "before") throw new Error("killed");
              const answer: unknown = await call.apply(target, args);
              if (calls === victim && when === "after") throw new Error("killed");
              return answer;
            };
          },
        });
        return { deps: depsWith(150, { ...env, EDGE_LOGS }), calls: () => calls };
      };
      let victim = 1;
      for (let more = true; more; victim += 1) {
        for (const when of ["before", "after"] as const) {
          await dropResults();
          const { deps, calls } = failing(victim, when);
          const kept = new Map<string, unknown>();
          const steps: Steps = {
            async do<T>(name: string, work: () => Promise<T>): Promise<T> {
              if (!kept.has(name)) kept.set(name, structuredClone(await work()));
              return kept.get(name) as T;
            },
          };
          const run = () => compact({ deps, steps, work: `compaction/v1/${when}-${victim}/` });
          const first = await run().catch(() => "killed" as const);
          if (first === "killed") await run();
          more = calls() >= victim;
          expect(await results(), `${when} write ${victim}`).toEqual(expected);
        }
      }
      expect(victim).toBeGreaterThan(10);
    },
    slowMs,
  );

  it(
    "are the same after a death at every step, before its work, and after it with its answer lost",
    async () => {
      const stored = await storeGeneratedLog(bucket, small);
      await stored.storeLate();
      const names: string[] = [];
      await compact({ rowsMax: 150, steps: { do: (name, work) => (names.push(name), work()) } });
      const expected = await results();
      expect(names.length).toBeGreaterThan(6);
      for (const victim of names) {
        for (const when of ["before", "after"] as const) {
          await dropResults();
          const kept = new Map<string, unknown>();
          let dead = false;
          const die = (): void => {
            if (dead) return;
            dead = true;
            throw new Error("killed");
          };
          const steps: Steps = {
            async do<T>(name: string, work: () => Promise<T>): Promise<T> {
              if (kept.has(name)) return kept.get(name) as T;
              if (name === victim && when === "before") die();
              const answer = structuredClone(await work());
              if (name === victim) die();
              kept.set(name, answer);
              return answer;
            },
          };
          const work = `compaction/v1/${victim.replaceAll(/\W/g, "")}-${when}/`;
          await expect(compact({ rowsMax: 150, steps, work })).rejects.toThrow("killed");
          await compact({ rowsMax: 150, steps, work });
          expect(await results(), `${when} ${victim}`).toEqual(expected);
        }
      }
    },
    slowMs,
  );
});

describe("an hour", () => {
  it("that holds nothing new is left alone", async () => {
    await storeGeneratedLog(bucket, small);
    await compact();
    const before = await results();
    expect(await compact()).toEqual({ kind: "nothing" });
    expect(await results()).toEqual(before);
  });

  it("whose raw objects are deleted takes late ones in from its parts", async () => {
    const stored = await storeGeneratedLog(bucket, small);
    await compact({ rowsMax: 90 });
    const { sources } = await manifestOf();
    await bucket.delete(sources.map((name) => hourPrefix(stream, hour) + name));
    await stored.storeLate();
    await compact({ rowsMax: 90 });
    const { offsets, coverage } = await read();
    expect(offsets).toEqual(upTo(400));
    expect(coverage.missing).toEqual([]);
    expect((await manifestOf()).sources.length).toBeGreaterThan(sources.length);
  });

  it("compacted by two at once has one of their manifests, and both end", async () => {
    await storeGeneratedLog(bucket, small);
    let release = (): void => undefined;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    const slow = compact({ steps: { do: async (name, work) => (name === "1: publish" ? blocked.then(work) : work()) } });
    await putLogObject(bucket, stream, [loggedLine(small.epoch, 500, startOfHour(hour))]);
    expect(await compact()).toMatchObject({ kind: "compacted", generation: 1 });
    release();
    // The slower one saw that it was, and found nothing left to do.
    expect(await slow).toEqual({ kind: "nothing" });
    expect((await manifestOf()).parts.at(-1)?.last).toBe(500);
  });

  it("with epochs, events that are no JSON, and stale ones gives each back as it was", async () => {
    const at = startOfHour(hour);
    const lines = [
      { epoch: "e1", offset: 7, at, stale: true, text: "not json at all" },
      { epoch: "e1", offset: 8, at: at + 1, stale: false, text: '{"id":"a","source":"s","data":{"x":",\\"event\\":"}}' },
    ];
    const second = [
      { epoch: "e2", offset: 1, at: at + 2, stale: false, text: '{"id":"a","source":"s","time":"yesterday","meta":{"v":1}}' },
    ];
    await putLogObject(bucket, stream, lines);
    await putLogObject(bucket, stream, second);
    await compact();
    const got = [];
    for await (const line of readLog(bucket, { stream, from: at, to: at + 10 })) got.push(line);
    expect(got).toEqual([...lines, ...second]);
    // An id comes again in another epoch too.
    expect(await manifestOf()).toMatchObject({ repeats: 1, event_time: null, epochs: [{ first: 7 }, { first: 1 }] });
  });
});

describe("a corrupt object", () => {
  async function damage(key: string): Promise<void> {
    const object = await bucket.get(key);
    if (object === null) throw new Error("no object");
    const bytes = (await object.bytes()).map((byte, index) => (index > 30 && index < 60 ? byte ^ 0xff : byte));
    await bucket.put(key, bytes, { customMetadata: object.customMetadata ?? {} });
  }

  async function rawKeys(): Promise<string[]> {
    return (await bucket.list({ prefix: "events/" })).objects.map(({ key }) => key);
  }

  it("is copied aside with its reason, named in the manifest with the positions it took along, and kept", async () => {
    await storeGeneratedLog(bucket, { ...small, twicePercent: 0, latePercent: 0 });
    const [, second = ""] = await rawKeys();
    await damage(second);
    await expect(read()).rejects.toThrow(second);
    expect(await compact({ rowsMax: 90 })).toMatchObject({ kind: "compacted", quarantined: 1, missingPositions: 50 });
    const manifest = await manifestOf();
    expect(manifest.missing).toEqual([{ epoch: small.epoch, first: 51, last: 100 }]);
    expect(manifest.quarantined).toMatchObject([{ key: second }]);
    expect(manifest.sources).not.toContain(second.slice(second.lastIndexOf("/") + 1));
    expect((await bucket.head(manifest.quarantined[0]?.copy ?? ""))?.customMetadata).toMatchObject({ key: second });
    expect(await bucket.head(second)).not.toBeNull();
    const { offsets, coverage } = await read();
    expect(offsets).toHaveLength(350);
    expect(coverage.missing).toEqual(manifest.missing);
    expect(coverage.quarantined).toEqual(manifest.quarantined);
  });

  it("that is repaired in place counts again", async () => {
    await storeGeneratedLog(bucket, { ...small, twicePercent: 0, latePercent: 0 });
    const [key = ""] = await rawKeys();
    const good = await (await bucket.get(key))?.bytes();
    if (good === undefined) throw new Error("no object");
    await damage(key);
    await compact();
    await bucket.put(key, good);
    expect((await read()).offsets).toEqual(upTo(400));
    await compact();
    expect(await manifestOf()).toMatchObject({ generation: 2, events: 400, missing: [], quarantined: [] });
  });

  it("whose positions an earlier generation has is replaced by its parts", async () => {
    const stored = await storeGeneratedLog(bucket, small);
    await compact({ rowsMax: 90 });
    const [first = ""] = await rawKeys();
    await stored.storeLate();
    await damage(first);
    await compact({ rowsMax: 90 });
    expect((await read()).offsets).toEqual(upTo(400));
    expect(await manifestOf()).toMatchObject({ generation: 2, missing: [], quarantined: [{ key: first }] });
  });

  it("that is a part is an error that names it", async () => {
    await storeGeneratedLog(bucket, small);
    await compact();
    const [part] = (await manifestOf()).parts;
    await damage(part?.key ?? "");
    await expect(read()).rejects.toThrow(part?.key);
  });
});

describe("the Workflow", () => {
  const now = startOfHour(hour + 2);

  async function markAll(): Promise<string> {
    const marker = new HourMarker();
    const { objects } = await bucket.list({ prefix: "events/" });
    for (const { key } of objects) await marker.mark(env, { object: key, stream, now: startOfHour(hour) });
    const row = await env.METRICS_DB.prepare("SELECT * FROM log_hours").first<{
      stream: string;
      hour: number;
      marks: number;
      marked_ms: number;
    }>();
    if (row === null) throw new Error("nothing was marked");
    return instanceId(row);
  }

  it("is started once for a dirty hour, compacts it, and leaves it clean", async () => {
    const stored = await storeGeneratedLog(bucket, small);
    await stored.storeLate();
    const id = await markAll();
    await using instance = await introspectWorkflowInstance(env.COMPACTION, id);
    expect(await startCompactions(env, startOfHour(hour + 1))).toBe(0);
    expect(await startCompactions(env, now)).toBe(1);
    expect(await startCompactions(env, now)).toBe(0);
    await instance.waitForStatus("complete");
    expect(await instance.getOutput()).toMatchObject({ kind: "compacted", events: 400, missingPositions: 0, quarantined: 0 });
    expect((await read()).offsets).toEqual(upTo(400));
    expect(await startCompactions(env, now)).toBe(0);
    expect(await results()).not.toContainEqual(expect.stringContaining("compaction/"));
    const row = await env.METRICS_DB.prepare("SELECT marks, done FROM log_hours").first();
    expect(row).toEqual({ marks: 1, done: 1 });
  });

  it("runs a step that failed again and ends with the same", async () => {
    const stored = await storeGeneratedLog(bucket, small);
    await stored.storeLate();
    const id = "retried";
    await using instance = await introspectWorkflowInstance(env.COMPACTION, id);
    await instance.modify(async (m) => {
      await m.disableRetryDelays();
      await m.mockStepError({ name: "1: part 0" }, new Error("R2: internal error"), 1);
      await m.mockStepError({ name: "1: publish" }, new Error("R2: internal error"), 2);
    });
    await env.COMPACTION.create({ id, params: { stream, hour, marks: 1 } });
    await instance.waitForStatus("complete");
    expect((await read()).offsets).toEqual(upTo(400));
  });
});
