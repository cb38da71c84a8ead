import { expect, it } from "vitest";
import { directRelaysMax } from "../schemas/limits.ts";
import { regionsOf } from "../gateway/region.ts";
import { split } from "./crowd.ts";
import { cohorts } from "./geography.ts";
import { parseOptions } from "./options.ts";
import { simulate, type Outcome } from "./outcome.ts";
import { renderOutcome } from "./report.ts";

function run(line: string): Outcome {
  const parsed = parseOptions(line.split(" "));
  if (parsed.kind !== "simulate") throw new Error(parsed.kind === "bad" ? parsed.message : "no run");
  return simulate(parsed.options);
}

/** Nobody missed an event or saw one twice, and in the end everybody is at the top. */
function expectOrder({ counts, behind }: Outcome): void {
  expect({ holes: counts.holes, repeats: counts.repeats, behind: behind.relays }).toEqual({ holes: 0, repeats: 0, behind: 0 });
}

function socketsIn({ regions }: Outcome): Record<string, number> {
  return Object.fromEntries(regions.map(({ region, sockets }) => [region, sockets]));
}

const small = "--subscribers 5000 --regions 4 --rate 50 --seconds 20 --relay-sockets 500";

it.each([1, 2, 3])("leaves no hole when every fifth call or answer is lost, with few relays called one by one (seed %i)", (seed) => {
  const outcome = run(`${small} --loss 0.2 --seed ${seed}`);
  expectOrder(outcome);
  expect(outcome.isTree).toBe(false);
  expect(outcome.lostCalls).toBeGreaterThan(10);
  expect(outcome.counts.heals).toBeGreaterThan(10);
  expect(outcome.counts.longestHeal?.ms).toBeGreaterThan(3_000);
  expect(outcome.counts.announced).toBe(0);
});

it.each([1, 2, 3])("…nor by way of carriers (seed %i)", (seed) => {
  const outcome = run(`--subscribers 5000 --regions 4 --rate 50 --seconds 20 --relay-sockets 100 --loss 0.2 --seed ${seed}`);
  expectOrder(outcome);
  expect(outcome.isTree).toBe(true);
  expect(outcome.counts.heals).toBeGreaterThan(10);
});

it("calls one relay per region and publish when there are more than 32, and every relay shows everything", () => {
  const outcome = run("--subscribers 5000 --regions 4 --rate 50 --seconds 20 --relay-sockets 150");
  expectOrder(outcome);
  expect(outcome.relays).toBeGreaterThan(directRelaysMax);
  const { posts, directCalls, carriedCalls, rowsDirect, rowsCarried } = outcome.counts;
  expect(posts).toBe(100);
  expect(directCalls / posts).toBeLessThanOrEqual(outcome.options.regions.length);
  expect(carriedCalls).toBeGreaterThan(directCalls);
  expect(rowsDirect + rowsCarried).toBe(posts * outcome.relays);
});

it("calls each of a few relays and none for a region without subscribers", () => {
  const outcome = run("--subscribers 1000 --regions 2 --rate 10 --batch 10 --seconds 20 --jitter 0");
  expectOrder(outcome);
  // A post a second is slower than any round trip, so nothing is batched.
  expect(outcome.counts.directCalls).toBe(outcome.counts.posts * 2);
});

it("moves the clients of a relay that dies, and they go on from where they were", () => {
  const before = run(small);
  const outcome = run(`${small} --kill weur#0@5s`);
  expectOrder(outcome);
  expect(socketsIn(outcome)["weur"]).toBe(socketsIn(before)["weur"]);
  expect(outcome.counts.movedClients).toBeGreaterThan(0);
  expect(outcome.all.sockets).toBe(5_000);
  expect([outcome.refused, outcome.counts.unrecovered]).toEqual([0, 0]);
});

it("moves the clients of a whole region to the next in the written order", () => {
  const before = socketsIn(run(small));
  const outcome = run(`${small} --kill weur@5s`);
  expectOrder(outcome);
  expect(outcome.counts.movedClients).toBe(before["weur"]);
  const expected: Record<string, number> = { ...before, weur: 0 };
  const counts = split(
    5_000,
    cohorts.map(({ weight }) => weight),
  );
  for (const [index, { place }] of cohorts.entries()) {
    const [first, second = ""] = regionsOf(place, outcome.options.regions);
    if (first === "weur") expected[second] = (expected[second] ?? 0) + (counts[index] ?? 0);
  }
  expect(socketsIn(outcome)).toEqual(expected);
});

it("heals a region that was silent for a while, whose sockets stayed", () => {
  const outcome = run(`${small} --silence weur@5s+8s`);
  expectOrder(outcome);
  expect(outcome.counts.movedClients).toBe(0);
  expect(outcome.counts.longestHeal?.ms).toBeGreaterThan(8_000);
});

it("goes on after the hub restarts without its cursors, in the middle of loss", () => {
  const outcome = run(`${small} --loss 0.1 --kill hub@5s --kill hub@11s`);
  expectOrder(outcome);
  expect(outcome.counts.announced).toBe(0);
});

it("announces a jump to relays that the log no longer reaches, instead of a hole", () => {
  const fast = "--subscribers 1000 --regions 2 --event-bytes 60000 --rate 1000 --batch 100 --seconds 25 --send-us 0 --frame-event-us 0";
  const outcome = run(`${fast} --silence enam@2s+20s`);
  expectOrder(outcome);
  expect(outcome.counts.announced).toBeGreaterThan(0);
});

it("is the same run for the same seed and another for another", () => {
  const numbers = (outcome: Outcome): string => JSON.stringify(outcome);
  const line = `${small} --loss 0.1 --kill weur#0@5s`;
  expect(numbers(run(line))).toBe(numbers(run(line)));
  const [one, other] = [run(`${line} --seed 1`), run(`${line} --seed 2`)];
  expect(one.counts).not.toEqual(other.counts);
});

it("seats everybody exactly once, none above the bound, and says who was refused", () => {
  const outcome = run("--subscribers 20000 --regions 1 --rate 1 --seconds 1 --relay-sockets 100 --shards 1");
  expect(outcome.all.sockets + outcome.refused).toBe(20_000);
  expect(outcome.all.fullest).toBeLessThanOrEqual(100);
  const crammed = run("--subscribers 2000 --regions 1 --rate 1 --seconds 1 --relay-sockets 1");
  // 256 relays are the most that can be configured, and one beyond them is asked.
  expect(crammed.relays).toBeLessThanOrEqual(257);
  expect(crammed.all.sockets + crammed.refused).toBe(2_000);
  expect(crammed.all.fullest).toBe(1);
  expect(renderOutcome(crammed)).toContain(`REFUSED: ${crammed.refused.toLocaleString("en-US")} clients`);
});

it("says that sends saturate when they do, and that fewer sockets a relay would not", () => {
  const line = "--subscribers 20000 --regions 2 --rate 200 --seconds 5";
  const outcome = run(line);
  expect(outcome.limits[0]?.name).toContain("sends");
  expect(outcome.limits[0]?.utilisation).toBeGreaterThan(1);
  const advised = run(`${line} --relay-sockets ${outcome.socketsAdvised}`);
  expect(advised.limits[0]?.utilisation).toBeLessThan(1);
  expect(advised.socketsAdvised).toBeUndefined();
  expect(advised.all.p99Ms ?? 0).toBeLessThan(outcome.all.p50Ms ?? 0);
});

it("says that the channel's CPU saturates when single posts are too many", () => {
  const outcome = run("--subscribers 100 --regions 1 --rate 1000 --batch 1 --seconds 5");
  expect(outcome.limits[0]?.name).toContain("channel");
  expect(outcome.counts.latePosts).toBeGreaterThan(0);
  // 1,000 posts of 1.331 ms a second.
  expect(outcome.limits[0]?.utilisation).toBeGreaterThan(1.331);
});
