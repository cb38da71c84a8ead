import { expect, it } from "vitest";
import { parseOptions, type SimulateOptions } from "./options.ts";

function refusal(...args: string[]): string {
  const parsed = parseOptions(args);
  return parsed.kind === "bad" ? parsed.message : "";
}

it.each([
  ["--subscribers", "0"],
  ["--subscribers", "1.5"],
  ["--subscribers", "many"],
  ["--rate", "-1"],
  ["--rate", ""],
  ["--batch", "1001"],
  ["--seconds", "601"],
  ["--loss", "0.95"],
  ["--filters", "1.1"],
  ["--relay-sockets", "30001"],
  ["--shards", "257"],
  ["--event-bytes", "60001"],
  ["--send-us", "NaN"],
  ["--seed", "-3"],
  ["--regions", "12"],
  ["--regions", "weur,mars"],
  ["--home", "mars"],
  ["--kill", "weur#0"],
  ["--kill", "oc@5s"],
  ["--kill", "hub@5s+1s"],
  ["--silence", "weur@5s"],
  ["--silence", "hub@5s"],
])("refuses %s %s and names the option", (name, value) => {
  expect(refusal(`${name}=${value}`)).toContain(name);
});

it("refuses an option that does not exist, by its name", () => {
  expect(refusal("--relays", "9")).toContain("--relays");
});

it("refuses a run that would take minutes and says what makes it so", () => {
  expect(refusal("--rate", "100000", "--batch", "1")).toContain("--rate / --batch × --seconds are 3000000 posts");
  expect(refusal("--subscribers", "10000000", "--relay-sockets", "10")).toContain("--relay-sockets 10");
});

it("reads the command of the issue, and faults with and without an end", () => {
  const parsed = parseOptions(
    "--subscribers 1000000 --regions 9 --rate 200 --kill weur#0@5s --kill hub@7s --silence apac@1.5s+10s".split(" "),
  );
  const options: Partial<SimulateOptions> = parsed.kind === "simulate" ? parsed.options : {};
  expect(options).toMatchObject({ subscribers: 1_000_000, rate: 200, home: "weur", batch: 10 });
  expect(options.regions).toHaveLength(9);
  expect(options.faults).toEqual([
    { kind: "kill", region: "weur", shard: 0, atMs: 5_000, untilMs: Number.POSITIVE_INFINITY },
    { kind: "restart", atMs: 7_000 },
    { kind: "silence", region: "apac", atMs: 1_500, untilMs: 11_500 },
  ]);
});
