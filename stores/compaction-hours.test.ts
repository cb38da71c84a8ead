import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  dirtyHours,
  forgetHour,
  HourMarker,
  hoursOf,
  lastCompactable,
  settledHours,
  settleHour,
  takeOverMarks,
} from "./compaction-hours.ts";
import type { LogStores } from "./compaction-hours.ts";
import { storeLines } from "./event-log-store.ts";
import { hourOf, hourPrefix, startOfHour } from "./event-log.ts";

const stream = "executions";
const hour = hourOf(Date.UTC(2026, 10, 24, 7));
const start = startOfHour(hour);
const minuteMs = 60_000;
const open = start + 5 * minuteMs;
const late = start + 120 * minuteMs;

beforeEach(async () => {
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  await env.METRICS_DB.prepare("DELETE FROM log_hours").run();
  const { objects } = await env.EDGE_LOGS.list();
  await env.EDGE_LOGS.delete(objects.map(({ key }) => key));
});

/** The real stores, with the statements D1 was asked counted and, on demand, refused. */
function counted(isDown: () => boolean = () => false): { stores: LogStores; statements: () => number } {
  let statements = 0;
  const METRICS_DB = new Proxy(env.METRICS_DB, {
    get: (target, name) => {
      if (name !== "prepare") return Reflect.get(target, name);
      return (sql: string) => {
        if (isDown()) throw new Error("D1_ERROR: D1 DB is overloaded");
        statements += 1;
        return target.prepare(sql);
      };
    },
  });
  return { stores: { EDGE_LOGS: env.EDGE_LOGS, METRICS_DB }, statements: () => statements };
}

const object = (name: string, of = hour): string => `${hourPrefix(stream, of)}${name}`;
const rows = () => hoursOf(env.METRICS_DB, { stream, fromHour: hour, toHour: hour + 1 });

describe("a mark", () => {
  it("is one statement an isolate and hour while the hour is open, and one row whoever writes it", async () => {
    const { stores, statements } = counted();
    const isolates = [new HourMarker(), new HourMarker()];
    for (const marker of isolates)
      for (const name of ["a", "b", "c"]) await marker.mark(stores, { object: object(name), stream, now: open });
    expect(statements()).toBe(2);
    expect(await rows()).toMatchObject([{ marks: 1, done: 0, marked_ms: open }]);
  });

  it("is written for every object once the hour may be compacted: nobody knows what was listed", async () => {
    const { stores } = counted();
    const marker = new HourMarker();
    await marker.mark(stores, { object: object("a"), stream, now: open });
    await marker.mark(stores, { object: object("b"), stream, now: late });
    await marker.mark(stores, { object: object("c"), stream, now: late + 1 });
    expect(await rows()).toMatchObject([{ marks: 3, marked_ms: late + 1 }]);
  });

  it("lies in R2 while D1 is down, and is in D1 when it is back; a second outage at that moment loses none", async () => {
    let down = true;
    const { stores } = counted(() => down);
    const marker = new HourMarker();
    await marker.mark(stores, { object: object("a"), stream, now: late });
    await marker.mark(stores, { object: object("b"), stream, now: late });
    await expect(takeOverMarks(stores, late)).rejects.toThrow("overloaded");
    down = false;
    expect(await takeOverMarks(stores, late)).toBe(2);
    expect(await takeOverMarks(stores, late)).toBe(0);
    expect(await rows()).toMatchObject([{ marks: 2 }]);
  });

  it("that neither store takes is an error, and is tried again for the next object", async () => {
    const { stores } = counted(() => true);
    const EDGE_LOGS = new Proxy(env.EDGE_LOGS, {
      get: () => () => Promise.reject(new Error("R2 is down")),
    });
    const marker = new HourMarker();
    const mark = { object: object("a"), stream, now: open };
    await expect(marker.mark({ ...stores, EDGE_LOGS }, mark)).rejects.toThrow("R2 is down");
    await marker.mark(env, mark);
    expect(await rows()).toMatchObject([{ marks: 1 }]);
  });

  it("is written after the object, so that a compaction that has seen it has seen the object", async () => {
    const order: string[] = [];
    const EDGE_LOGS = new Proxy(env.EDGE_LOGS, {
      get: (target, name) => {
        if (name !== "put") return Reflect.get(target, name);
        return async (...args: Parameters<R2Bucket["put"]>) => {
          const stored = await target.put(...args);
          order.push("object");
          return stored;
        };
      },
    });
    class Watched extends HourMarker {
      override async mark(...args: Parameters<HourMarker["mark"]>): Promise<void> {
        order.push("mark");
        await super.mark(...args);
      }
    }
    const deps = { stores: { EDGE_LOGS, METRICS_DB: env.METRICS_DB }, marker: new Watched(), now: () => open };
    await storeLines(deps, stream, [{ epoch: "e1", offset: 1, at: start, stale: false, text: "{}" }]);
    expect(order).toEqual(["object", "mark"]);
    expect(await rows()).toMatchObject([{ marks: 1 }]);
  });
});

describe("a dirty hour", () => {
  it("is due fifteen minutes after its end, not before", async () => {
    await new HourMarker().mark(env, { object: object("a"), stream, now: open });
    const due = start + 75 * minuteMs;
    expect(await dirtyHours(env.METRICS_DB, { now: due - 1, max: 10 })).toEqual([]);
    expect(await dirtyHours(env.METRICS_DB, { now: due, max: 10 })).toMatchObject([{ stream, hour, marks: 1 }]);
    expect(lastCompactable(due)).toBe(hour);
  });

  it("stays dirty when an object came while it was compacted", async () => {
    const marker = new HourMarker();
    await marker.mark(env, { object: object("a"), stream, now: late });
    const [seen] = await rows();
    await marker.mark(env, { object: object("b"), stream, now: late + 1 });
    await settleHour(env.METRICS_DB, { stream, hour, marks: seen?.marks ?? 0, now: late + 2 });
    expect(await dirtyHours(env.METRICS_DB, { now: late, max: 10 })).toMatchObject([{ marks: 2, done: 1 }]);
    expect(await settledHours(env.METRICS_DB, { before: late + 10, max: 10 })).toEqual([]);
    // An older compaction that settles last takes nothing back.
    await settleHour(env.METRICS_DB, { stream, hour, marks: 2, now: late + 3 });
    await settleHour(env.METRICS_DB, { stream, hour, marks: 1, now: late + 4 });
    expect(await dirtyHours(env.METRICS_DB, { now: late, max: 10 })).toEqual([]);
  });

  it("is not forgotten when it was marked meanwhile", async () => {
    const marker = new HourMarker();
    await marker.mark(env, { object: object("a"), stream, now: late });
    await settleHour(env.METRICS_DB, { stream, hour, marks: 1, now: late });
    const [settled] = await settledHours(env.METRICS_DB, { before: late + 1, max: 10 });
    if (settled === undefined) throw new Error("not settled");
    await marker.mark(env, { object: object("b"), stream, now: late });
    await forgetHour(env.METRICS_DB, settled);
    expect(await rows()).toMatchObject([{ marks: 2, done: 1 }]);
  });
});
