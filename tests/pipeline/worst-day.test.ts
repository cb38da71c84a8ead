/** Conservation on the worst day: whatever fails, every accepted event is in the R2 log once, D1 shows each entity's newest state, and
 *  no subscriber passes a hole in silence. The faults all strike in one run, as they do. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { parseEvent, type EdgeEvent } from "../../schemas/event.ts";
import { compareVersions, versionOf } from "../../schemas/version.ts";
import { loggedOffsets, outboxOf, post, postUntilAccepted, unsettled } from "../support/edge.ts";
import { setFaults, type Faults } from "../support/faults.ts";
import { Follower } from "../support/follower.ts";
import { opportunity } from "../support/sockets.ts";

afterEach(() => setFaults({}));

const entities = 60;
const statuses = ["pending", "executing", "executed"] as const;

/** Three states of each entity; time runs in milliseconds, ids say who and what. */
function lifecycles(prefix: string): EdgeEvent[] {
  const start = Date.now() - 60_000;
  return Array.from({ length: entities }, (_, entity) =>
    statuses.map((status, step) => {
      const parsed = parseEvent(
        opportunity({
          id: `${prefix}-${entity}-${step}`,
          subject: `${prefix}-${entity}`,
          type: step === 0 ? "opportunity.detected" : "opportunity.updated",
          timeMs: start + entity * 10 + step,
          data: { execution_status: status, expiry_time: new Date(start + 3_600_000).toISOString() },
        }),
      );
      if (!parsed.ok) throw new Error(parsed.fault.message);
      return parsed.event;
    }),
  ).flat();
}

/** A fixed sequence of numbers in [0, 1): the same bad day each time. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
  }
  return copy;
}

function badDay(
  random: () => number,
): Faults & { counts: Record<"d1" | "r2" | "queue" | "before" | "after" | "lost" | "late" | "through", number> } {
  const counts = { d1: 0, r2: 0, queue: 0, before: 0, after: 0, lost: 0, late: 0, through: 0 };
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return {
    counts,
    d1: () => {
      if (counts.d1++ < 3) throw new Error("D1_ERROR: Network connection lost.");
    },
    r2Put: async (_, send) => {
      counts.r2 += 1;
      if (counts.r2 <= 2) throw new Error("put: We encountered an internal error. Please try again. (10001)");
      const stored = await send();
      if (counts.r2 === 3) throw new Error("put: timed out after it was stored");
      return stored;
    },
    queue: async (_, send) => {
      if (counts.queue++ < 4) throw new Error("Queue sendBatch failed: 500");
      return await send();
    },
    append: (when, abort) => {
      counts[when] += 1;
      if (counts[when] === (when === "before" ? 5 : 12)) abort();
    },
    deliver: async (_, request, send) => {
      // Of three calls the first is lost, the second arrives after the hub has given up on it and sent other things.
      const fate = (counts.lost + counts.late + counts.through) % 3;
      if (fate === 0) {
        counts.lost += 1;
        throw new Error("the call was lost");
      }
      if (fate === 1) {
        counts.late += 1;
        void pause(random() * 800)
          .then(() => send(request))
          .catch(() => undefined);
        throw new Error("the answer was lost");
      }
      counts.through += 1;
      await pause(random() * 30);
      return await send(request);
    },
  };
}

it("loses nothing, repeats nothing and keeps the order when everything fails at once", async () => {
  const random = chance(7);
  const day = badDay(random);
  const follower = await new Follower("opportunities").connect();
  const filtered = await new Follower("opportunities", { status: "executed" }).connect();
  setFaults(day);
  const events = lifecycles("w");
  const posts: unknown[][] = [];
  for (let at = 0; at < events.length; at += 12) {
    const batch: unknown[] = events.slice(at, at + 12).map(({ extensions, ...event }) => event);
    // One in twenty is invalid, and each batch is sent twice.
    if (at % 24 === 0) batch.splice(3, 0, { ...(batch[0] as object), id: `bad-${at}`, time: "2099-01-01T00:00:00Z" });
    posts.push(batch, batch);
  }
  const relay = env.RELAYS.get(env.RELAYS.idFromName("relay:wnam:0"));
  let count = 0;
  for (const batch of shuffled(posts, random)) {
    await postUntilAccepted(batch);
    // One that is not running has been evicted already.
    if (++count % 10 === 0) await evictDurableObject(relay).catch(() => undefined);
  }
  await vi.waitFor(async () => expect([await outboxOf("opportunities"), await unsettled("opportunities")]).toEqual([0, 0]), {
    timeout: 60_000,
    interval: 250,
  });

  const ids = events.map(({ id }) => id).toSorted();
  await vi.waitFor(async () => expect([...(await loggedOffsets()).keys()].toSorted()).toEqual(ids), { timeout: 60_000, interval: 500 });
  for (const offsets of (await loggedOffsets()).values()) expect(offsets).toHaveLength(1);

  const { results } = await env.OPPORTUNITIES_DB.prepare("SELECT opportunity_id AS id, key FROM opportunities").all<{
    id: string;
    key: string;
  }>();
  expect(new Map(results.map(({ id, key }) => [id, key]))).toEqual(newest(events));

  await vi.waitFor(() => expect(follower.ids.toSorted()).toEqual(ids), { timeout: 35_000, interval: 250 });
  expect(follower.watch.holes).toBe(0);
  expect(follower.watch.repeats).toBe(0);
  expect(follower.watch.resets).toBe(0);
  await vi.waitFor(() => expect(filtered.ids.toSorted()).toEqual(ids.filter((id) => id.endsWith("-2"))), {
    timeout: 35_000,
    interval: 250,
  });
  expect(filtered.watch.holes + filtered.watch.repeats).toBe(0);
  // The day was as bad as it was meant to be.
  expect(day.counts.d1).toBeGreaterThan(3);
  expect(day.counts.r2).toBeGreaterThanOrEqual(3);
  expect(day.counts.before).toBeGreaterThan(5);
  expect(Math.min(day.counts.lost, day.counts.late, day.counts.through)).toBeGreaterThan(0);
}, 180_000);

function newest(events: readonly EdgeEvent[]): Map<string, string> {
  const versions = Map.groupBy(events, ({ subject }) => subject);
  return new Map([...versions].map(([subject, states]) => [subject, states.map(versionOf).toSorted(compareVersions).at(-1)?.key ?? ""]));
}

it("parks what times out, sequences it once though it arrives twice, and recovers by itself from a stall", async () => {
  const events = lifecycles("s")
    .slice(0, 30)
    .map(({ extensions, ...event }) => event);
  let stalled = 0;
  setFaults({
    publish: async () => {
      // The first publishes outlive their caller's patience and land all the same.
      if (stalled++ < 2) await new Promise((resolve) => setTimeout(resolve, 2_000));
    },
  });
  const answers = await Promise.all([post(events.slice(0, 10)), post(events.slice(10, 20))]);
  for (const answer of answers) expect(answer).toMatchObject({ status: 202, accepted: 10 });
  setFaults({});
  // Milliseconds later the channel answers again: nothing is diverted any more.
  expect(await post(events.slice(20))).toMatchObject({ status: 202, accepted: 10 });
  const ids = events.map(({ id }) => id).toSorted();
  await vi.waitFor(
    async () => {
      const logged = await loggedOffsets();
      expect([...logged.keys()].filter((id) => id.startsWith("s-")).toSorted()).toEqual(ids);
      for (const id of ids) expect(logged.get(id)).toHaveLength(1);
    },
    { timeout: 40_000, interval: 500 },
  );
}, 60_000);
