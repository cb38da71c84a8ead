/** Long and short outages: nothing is lost, snapshots are honest meanwhile and whole afterwards, and nothing stays diverted. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { loggedOffsets, post, unsettled } from "../support/edge.ts";
import { setFaults } from "../support/faults.ts";
import { opportunity } from "../support/sockets.ts";

afterEach(() => setFaults({}));

const minuteMs = 60_000;
const raw = () => env.CHANNELS.get(env.CHANNELS.idFromName("channel:opportunities"));
const settled = () => channelStub(env, "opportunities").settled({ v: 1, stream: "opportunities" });

function batch(prefix: string, count: number): unknown[] {
  return Array.from({ length: count }, (_, n) => opportunity({ id: `${prefix}-${n}`, timeMs: Date.now() }));
}

it("survives an hour without D1: the log forgets, the snapshot says what it lacks, and all of it arrives in the end", async () => {
  let down = true;
  const faults = (skewMs: number): void =>
    setFaults({
      skewMs,
      d1: () => {
        if (down) throw new Error("D1_ERROR: Network connection lost.");
      },
    });
  faults(0);
  expect((await post(batch("hour", 50))).accepted).toBe(50);
  for (let minutes = 5; minutes <= 60; minutes += 5) {
    faults(minutes * minuteMs);
    await runDurableObjectAlarm(raw());
  }
  // Past the log's age nobody could recover these positions: the snapshot moves on and lists them.
  faults(95 * minuteMs);
  for (let alarms = 0; alarms < 4; alarms += 1) await runDurableObjectAlarm(raw());
  expect(await settled()).toMatchObject({ offset: 50, incomplete: [[1, 50]] });
  down = false;
  await vi.waitFor(async () => expect((await settled()).incomplete).toEqual([]), { timeout: 45_000, interval: 500 });
  const rows = await env.OPPORTUNITIES_DB.prepare("SELECT count(*) AS n FROM opportunities WHERE opportunity_id LIKE 'hour-%'").first("n");
  expect(rows).toBe(50);
}, 90_000);

it("rides out a stall of one second under load without diverting or losing anything", async () => {
  let stallUntil = 0;
  setFaults({
    publish: async () => {
      const left = stallUntil - Date.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    },
  });
  const posts: Promise<{ status: number; accepted: number }>[] = [];
  const before = (await settled()).top;
  for (let n = 0; n < 200; n += 1) {
    if (n === 50) stallUntil = Date.now() + 1_000;
    posts.push(post([opportunity({ id: `stall-${n}`, timeMs: Date.now() })]));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const answer of await Promise.all(posts)) expect(answer).toMatchObject({ status: 202, accepted: 1 });
  // Sequenced at once, every one: a parked event would be sequenced seconds later.
  expect((await settled()).top).toBe(before + 200);
  await vi.waitFor(async () => expect(await unsettled("opportunities")).toBe(0), { timeout: 20_000, interval: 250 });
  const logged = await loggedOffsets();
  for (let n = 0; n < 200; n += 1) expect(logged.get(`stall-${n}`)).toHaveLength(1);
}, 60_000);
