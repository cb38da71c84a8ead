import { expect, it } from "vitest";
import { defaultPlacement, type Placement } from "../schemas/placement.ts";
import { Placements } from "./placements.ts";

const now = 1_764_000_000_000;

it("goes on with what it knows while the store does not answer, and asks it again seconds later", async () => {
  const answers: (Placement | Error)[] = [{ ...defaultPlacement, drained: ["weur"] }, new Error("down"), defaultPlacement];
  const placements = new Placements(async () => {
    const answer = answers.shift() ?? defaultPlacement;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  expect((await placements.now(now)).drained).toEqual(["weur"]);
  expect((await placements.now(now + 9_999)).drained).toEqual(["weur"]);
  expect(answers).toHaveLength(2);
  expect((await placements.now(now + 10_000)).drained).toEqual(["weur"]);
  expect((await placements.now(now + 20_000)).drained).toEqual([]);
});

it("passes over a silent region for ten seconds", async () => {
  const placements = new Placements(async () => ({ ...defaultPlacement, drained: ["apac"] }));
  await placements.now(now);
  placements.silent("weur", now);
  expect((await placements.now(now + 9_999)).drained).toEqual(["apac", "weur"]);
  expect((await placements.now(now + 10_000)).drained).toEqual(["apac"]);
});

it("learns of a relay beyond the configured ones for ten minutes, and of no other", async () => {
  const placements = new Placements(async () => ({ ...defaultPlacement, shards: { weur: 2 } }));
  await placements.now(now);
  placements.took("weur", 1, now);
  expect((await placements.now(now)).shards).toEqual({ weur: 2 });
  placements.took("weur", 2, now);
  placements.took("enam", 1, now);
  expect((await placements.now(now + 1)).shards).toEqual({ weur: 3, enam: 2 });
  expect((await placements.now(now + 10 * 60_000)).shards).toEqual({ weur: 2 });
});
