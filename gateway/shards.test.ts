import { expect, it } from "vitest";
import { defaultPlacement, Placement } from "../schemas/placement.ts";
import { relaysToAsk } from "./shards.ts";

const names = (relays: ReturnType<typeof relaysToAsk>): string[] => relays.map(({ region, shard }) => `${region}#${shard}`);

it("asks the nearest region's relay first, then one more than it has, then the next regions", () => {
  expect(names(relaysToAsk(["weur", "enam"], defaultPlacement, 0.5))).toEqual(["weur#0", "weur#1", "enam#0", "enam#1"]);
});

it("spreads sockets over a region's relays and hops on from a full one a bounded number of times", () => {
  const placement = { ...defaultPlacement, shards: { weur: 5 } };
  expect(names(relaysToAsk(["weur"], placement, 0))).toEqual(["weur#0", "weur#1", "weur#2", "weur#5"]);
  expect(names(relaysToAsk(["weur"], placement, 0.9999))).toEqual(["weur#4", "weur#0", "weur#1", "weur#5"]);
});

it("asks at most three regions", () => {
  const regions = new Set(relaysToAsk(["weur", "eeur", "enam", "wnam", "apac"], defaultPlacement, 0).map(({ region }) => region));
  expect([...regions]).toEqual(["weur", "eeur", "enam"]);
});

it("passes over a drained region, unless all are", () => {
  expect(names(relaysToAsk(["weur", "enam"], { ...defaultPlacement, drained: ["weur"] }, 0))).toEqual(["enam#0", "enam#1"]);
  expect(names(relaysToAsk(["weur"], { ...defaultPlacement, drained: ["weur"] }, 0))).toEqual(["weur#0", "weur#1"]);
});

it.each([
  [{ v: 1, shards: { mars: 2 } }, "shards.mars"],
  [{ v: 1, shards: { weur: 0 } }, "shards.weur"],
  [{ v: 1, shards: { weur: 257 } }, "shards.weur"],
  [{ v: 1, drained: ["mars"] }, "drained.0"],
  [{ v: 2 }, "v"],
] as const)("refuses the placement %j and names the field", (value, path) => {
  const parsed = Placement.safeParse(value);
  expect(parsed.error?.issues.map((issue) => [...issue.path, ...("keys" in issue ? issue.keys : [])].join("."))).toEqual([path]);
});
