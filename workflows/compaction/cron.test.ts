import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import wrangler from "../../wrangler.toml?raw";
import { HourMarker } from "../../stores/compaction-hours.ts";
import { hourOf, hourPrefix, startOfHour } from "../../stores/event-log.ts";
import { instanceId, logCron, runLogCron, startCompactions } from "./cron.ts";
import type { CompactionBindings } from "./cron.ts";

const hour = hourOf(Date.UTC(2026, 10, 24, 7));
const now = startOfHour(hour + 2);
const keeping = { graceMs: 3_600_000, retentionMs: undefined };

beforeEach(async () => {
  vi.spyOn(console, "info").mockReturnValue(undefined);
  await env.METRICS_DB.prepare("DELETE FROM log_hours").run();
});

async function mark(...streams: string[]): Promise<void> {
  const marker = new HourMarker();
  for (const stream of streams) await marker.mark(env, { object: `${hourPrefix(stream, hour)}x`, stream, now: startOfHour(hour) });
}

/** Instances by id: the platform's part, of which the local one logs every refusal. */
function fakeWorkflow(statuses: Record<string, string> = {}) {
  const created: string[] = [];
  const restarted: string[] = [];
  const workflow = {
    async createBatch({ instances }: { instances: readonly { id: string }[] }) {
      const errors = instances.flatMap(({ id }, index) => (statuses[id] === undefined ? [] : [{ index, id, code: 1, message: "exists" }]));
      const fresh = instances.filter(({ id }) => statuses[id] === undefined);
      for (const { id } of fresh) statuses[id] = "running";
      created.push(...fresh.map(({ id }) => id));
      return { created: fresh, errors };
    },
    async get(id: string) {
      if (statuses[id] === undefined) throw new Error("(instance.not_found)");
      return { status: async () => ({ status: statuses[id] }), restart: async () => restarted.push(id) };
    },
  };
  return { bindings: { ...env, COMPACTION: workflow as unknown as CompactionBindings["COMPACTION"] }, statuses, created, restarted };
}

it("the Worker knows its cron by the very text of wrangler.toml", () => {
  expect(wrangler).toContain(`"${logCron}"`);
});

describe("a dirty hour", () => {
  it("is started once, however often the cron fires, and again when it was marked again", async () => {
    await mark("alerts", "market");
    const { bindings, created } = fakeWorkflow();
    expect(await startCompactions(bindings, now)).toBe(2);
    expect(await startCompactions(bindings, now)).toBe(0);
    await new HourMarker().mark(env, { object: `${hourPrefix("market", hour)}y`, stream: "market", now });
    expect(await startCompactions(bindings, now)).toBe(1);
    expect(new Set(created).size).toBe(3);
  });

  it.each([
    ["errored", 1],
    ["terminated", 1],
    ["complete", 0],
    ["running", 0],
  ])("whose instance is %s is started again %i times", async (status, times) => {
    await mark("alerts");
    const fake = fakeWorkflow();
    await startCompactions(fake.bindings, now);
    for (const id of fake.created) fake.statuses[id] = status;
    expect(await startCompactions(fake.bindings, now)).toBe(times);
    expect(fake.restarted).toHaveLength(times);
  });

  it("that is refused for another reason keeps no other from being started again", async () => {
    await mark("alerts", "market");
    const fake = fakeWorkflow();
    await startCompactions(fake.bindings, now);
    const [first = "", second = ""] = fake.created;
    fake.statuses[second] = "errored";
    const real = fake.bindings.COMPACTION;
    const COMPACTION = new Proxy(real, {
      get: (target, name) =>
        name === "get"
          ? (id: string) => (id === first ? Promise.reject(new Error("out of reach")) : target.get(id))
          : Reflect.get(target, name),
    });
    expect(await startCompactions({ ...fake.bindings, COMPACTION }, now)).toBe(1);
    expect(fake.restarted).toEqual([second]);
  });

  it("has an id that a Workflow may have", () => {
    const id = instanceId({ stream: "opportunities", hour, marks: Number.MAX_SAFE_INTEGER, marked_ms: now });
    expect(id).toMatch(/^[a-zA-Z0-9_][a-zA-Z0-9-_]{0,99}$/);
  });
});

describe("the cron", () => {
  it("goes on with its other tasks when one fails", async () => {
    await mark("alerts");
    const fake = fakeWorkflow();
    const EDGE_LOGS = new Proxy(env.EDGE_LOGS, { get: () => () => Promise.reject(new Error("R2 is down")) });
    const errors = vi.spyOn(console, "error").mockReturnValue(undefined);
    await runLogCron({ ...fake.bindings, EDGE_LOGS }, keeping, now);
    expect(fake.created).toHaveLength(1);
    const refused = { createBatch: () => Promise.reject(new Error("Workflows are down")) };
    await runLogCron({ ...fake.bindings, COMPACTION: refused as unknown as CompactionBindings["COMPACTION"] }, keeping, now);
    const failed = errors.mock.calls.map(([line]) => JSON.parse(String(line)) as { task: string; reason: string });
    expect(failed.map(({ task }) => task)).toEqual(["marks", "sweep", "start"]);
    expect(failed.at(-1)?.reason).toBe("Workflows are down");
  });
});
