/** A long outage: nothing is lost, snapshots are honest meanwhile and whole afterwards. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { post } from "../support/edge.ts";
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
  // Past its age the row is written over: nobody can recover these positions, so the snapshot moves on and lists them.
  faults(95 * minuteMs);
  expect((await post(batch("after", 1))).accepted).toBe(1);
  for (let alarms = 0; alarms < 4; alarms += 1) await runDurableObjectAlarm(raw());
  expect(await settled()).toMatchObject({ offset: 50, incomplete: [[1, 50]] });
  down = false;
  await vi.waitFor(async () => expect((await settled()).incomplete).toEqual([]), { timeout: 45_000, interval: 500 });
  const rows = await env.OPPORTUNITIES_DB.prepare("SELECT count(*) AS n FROM opportunities WHERE opportunity_id LIKE 'hour-%'").first("n");
  expect(rows).toBe(50);
}, 90_000);
