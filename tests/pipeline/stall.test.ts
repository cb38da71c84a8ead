/** A short outage: nothing is lost and nothing stays diverted. */
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { loggedOffsets, post, unsettled } from "../support/edge.ts";
import { setFaults } from "../support/faults.ts";
import { opportunity } from "../support/sockets.ts";

afterEach(() => setFaults({}));

const settled = () => channelStub(env, "opportunities").settled({ v: 1, stream: "opportunities" });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const one = (id: string): unknown[] => [opportunity({ id, timeMs: Date.now() })];

/** Posts a second that this machine takes now, one event each. */
async function ceiling(): Promise<number> {
  const endAt = performance.now() + 1_000;
  let posts = 0;
  const worker = async (name: number): Promise<void> => {
    for (let n = 0; performance.now() < endAt; n += 1) {
      await post(one(`calibrate-${name}-${n}`));
      posts += 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, name) => worker(name)));
  return posts;
}

it("rides out a stall of one second at 60 % of what it can take: loses nothing, and diverts nothing once it is over", async () => {
  const perSecond = 0.6 * (await ceiling());
  let stallUntil = 0;
  setFaults({
    publish: async () => {
      const left = stallUntil - Date.now();
      if (left > 0) await pause(left);
    },
  });
  const posts: Promise<{ status: number; accepted: number }>[] = [];
  const startedAt = performance.now();
  const secondsOf = (): number => (performance.now() - startedAt) / 1_000;
  while (secondsOf() < 4) {
    if (stallUntil === 0 && secondsOf() > 1) stallUntil = Date.now() + 1_000;
    while (posts.length < secondsOf() * perSecond) posts.push(post(one(`stall-${posts.length}`)));
    await pause(5);
  }
  for (const answer of await Promise.all(posts)) expect(answer).toMatchObject({ status: 202, accepted: 1 });
  // Sequenced at once: a parked event would be sequenced a second later.
  for (let n = 0; n < 20; n += 1) {
    const { top } = await settled();
    expect(await post(one(`after-${n}`))).toMatchObject({ status: 202, accepted: 1 });
    expect((await settled()).top).toBeGreaterThan(top);
  }
  await vi.waitFor(async () => expect(await unsettled("opportunities")).toBe(0), { timeout: 30_000, interval: 250 });
  await vi.waitFor(
    async () => {
      const logged = await loggedOffsets();
      for (let n = 0; n < posts.length; n += 1) expect(logged.get(`stall-${n}`), `stall-${n}`).toHaveLength(1);
    },
    { timeout: 30_000, interval: 500 },
  );
}, 90_000);
