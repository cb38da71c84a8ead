/** A short outage: nothing is lost and nothing stays diverted. */
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { loggedOffsets, post, unsettled } from "../support/edge.ts";
import { setFaults } from "../support/faults.ts";
import { opportunity } from "../support/sockets.ts";

afterEach(() => setFaults({}));

const settled = () => channelStub(env, "opportunities").settled({ v: 1, stream: "opportunities" });

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
  await vi.waitFor(
    async () => {
      const logged = await loggedOffsets();
      for (let n = 0; n < 200; n += 1) expect(logged.get(`stall-${n}`)).toHaveLength(1);
    },
    { timeout: 20_000, interval: 500 },
  );
}, 60_000);
