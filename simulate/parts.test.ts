import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hintsOfCountry } from "../gateway/countries.ts";
import { locationHints } from "../platform/config.ts";
import { Agenda } from "./agenda.ts";
import { Audience } from "./audience.ts";
import { costLines, total } from "./cost.ts";
import { Tally } from "./tally.ts";
import { Cpu } from "./cpu.ts";
import { split } from "./crowd.ts";
import { cohorts, distanceMs, regionsInOrder } from "./geography.ts";
import { seeded } from "./random.ts";
import { RunLog } from "./run-log.ts";
import { limitsOf } from "./saturation.ts";
import { Spread } from "./spread.ts";
import { frameBytesOf } from "./views.ts";
import { Wire } from "./wire.ts";

describe("the checks themselves", () => {
  const row = (first: number, count: number) => ({
    row: { first, count, at: 0, stale: [], earlier: [], lines: "" },
    takenAt: 0,
    carrier: undefined,
  });

  it("count a hole, a repeat and nothing else", () => {
    const tally = new Tally();
    const costs = { callMs: 0, postMs: 0, postEventMs: 0, sendMs: 1, frameEventMs: 0 };
    const audience = new Audience({ region: "weur", costs, tally, frameBytes: frameBytesOf(1_000), jitter: 0 });
    audience.flush([row(1, 10), row(11, 10)], 0);
    expect([tally.holes, tally.repeats]).toEqual([0, 0]);
    audience.flush([row(24, 2)], 0);
    expect([tally.holes, tally.repeats]).toEqual([3, 0]);
    audience.flush([row(25, 5)], 0);
    expect([tally.holes, tally.repeats]).toEqual([3, 1]);
  });
});

describe("virtual time", () => {
  it("does what is due in order, and at one moment in the order it was planned", () => {
    const agenda = new Agenda();
    const done: string[] = [];
    agenda.at(5, () => done.push("c"));
    agenda.at(1, () => {
      done.push("a");
      agenda.after(0, () => done.push("b"));
    });
    agenda.at(5, () => done.push("d"));
    agenda.at(9, () => done.push("not yet"));
    agenda.runUntil(8);
    expect([done.join(""), agenda.now]).toEqual(["abcd", 8]);
  });

  it("lets a thread do one thing after the other", () => {
    const agenda = new Agenda();
    const cpu = new Cpu(agenda);
    const done: number[] = [];
    cpu.spend(10, () => done.push(agenda.now));
    agenda.at(3, () => cpu.spend(5, () => done.push(agenda.now)));
    agenda.at(40, () => cpu.spend(1, () => done.push(agenda.now)));
    agenda.runUntil(100);
    expect([done, cpu.busyMs]).toEqual([[10, 15, 41], 16]);
  });

  it("ends a call to a silent object at its time-out, once", () => {
    const agenda = new Agenda();
    const wire = new Wire({ agenda, random: seeded(1, "wire"), loss: 0, jitter: 0 });
    const [from, to] = [{ region: "weur", isSilent: false } as const, { region: "enam", isSilent: true } as const];
    const replies: (number | undefined)[] = [];
    wire.call<number>(
      { from, to, timeoutMs: 5_000 },
      (answer) => answer(1),
      (reply) => replies.push(reply),
    );
    agenda.runUntil(4_999);
    expect(replies).toEqual([]);
    agenda.runUntil(6_000);
    expect(replies).toEqual([undefined]);
  });
});

describe("money", () => {
  it("is what the price sheet makes of the operations", () => {
    const counts = Object.assign(new Tally(), {
      posts: 100,
      directCalls: 400,
      carriedCalls: 1_500,
      interestCalls: 10,
      alarms: 10,
      logRows: 100,
      alarmRows: 10,
    });
    const lines = costLines(counts, { events: 1_000, seconds: 10, relays: 9 });
    // (100 + 400 + 1,500 + 20) requests at $0.15 and 110 rows at $1 a million, for 1,000 events.
    const { perMillion, perMonth } = total(lines, "counted");
    expect(perMillion).toBeCloseTo((2_020 * 0.15 + 110 * 1) / 1_000, 10);
    // The same in 10 of a month's 2,592,000 seconds.
    expect(perMonth).toBeCloseTo((((2_020 * 0.15 + 110) / 1e6) * 2_592_000) / 10, 6);
    // Ten objects for ten seconds, 0.128 GB each at $12.50 a million GB-seconds.
    expect(total(lines, "estimated").perMillion).toBeCloseTo(((100 * 0.128 * 12.5) / 1e6) * 1_000, 10);
  });
});

describe("saturation", () => {
  const relay = { relay: "relay:weur:0", sockets: 1_000, eventMsPerSecond: 100, flushMs: 25, callMsPerSecond: 2 };
  const load = {
    rate: 100,
    subscribers: 2_000,
    postsPerSecond: 10,
    postMsPerSecond: 16,
    hubCallMsPerSecond: 4,
    relays: [relay, { ...relay, sockets: 10 }],
  };

  it("names the fullest part first, and at which rate and number it is full", () => {
    const [first, ...others] = limitsOf(load);
    // Ten elevenths of the time are for sending: 100 ms a second are 11 % of it, and a flush of 25 ms is 0.5 % of the 5 s its callers wait.
    expect(first?.where).toBe("relay:weur:0");
    expect(first?.utilisation).toBeCloseTo(0.115, 6);
    expect(first?.rateMax).toBeCloseTo((100 * 0.995) / 0.11, 3);
    expect(first?.subscribersMax).toBeCloseTo(2_000 / 0.115, 1);
    const hub = others.find(({ name }) => name.startsWith("CPU of the channel"));
    expect([hub?.utilisation, hub?.rateMax]).toEqual([0.02, 5_000]);
    const used = [first, ...others].map((limit) => limit?.utilisation ?? 0);
    expect(used).toEqual(used.toSorted((a, b) => b - a));
  });
});

describe("tables and counts", () => {
  it("know every country and the distance between any two regions, the same both ways", () => {
    for (const { place } of cohorts) expect(hintsOfCountry(place.country ?? ""), place.country).toBeDefined();
    expect(regionsInOrder.toSorted()).toEqual([...locationHints].toSorted());
    for (const from of locationHints) {
      for (const to of locationHints) {
        expect(distanceMs(from, to)).toBe(distanceMs(to, from));
        expect(distanceMs(from, to), `${from} ${to}`).toBeGreaterThanOrEqual(from === to ? 1 : 10);
      }
    }
  });

  it("split a number into shares without losing one", () => {
    const shares = split(1_000_003, [1, 2, 3, 0, 0.1]);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(1_000_003);
    expect(shares[3]).toBe(0);
  });

  it("weigh delays by their sockets", () => {
    const spread = new Spread();
    spread.add(10, 990);
    spread.add(1_000, 10);
    expect(spread.percentileMs(0.5)).toBeCloseTo(10, 0);
    expect(spread.percentileMs(0.999)).toBe(1_000);
  });

  it("give a log's rows from any position, cut to what follows it", () => {
    const log = new RunLog(1_000);
    for (let at = 0; at < 5; at++) log.append(10, at);
    expect(log.rowsAfter(13, 1e6).map(({ first, count }) => [first, count])).toEqual([
      [14, 7],
      [21, 10],
      [31, 10],
      [41, 10],
    ]);
    expect(log.rowsAfter(0, 15_000)).toHaveLength(1);
    expect(log.rowsAfter(50, 1e6)).toEqual([]);
  });
});

describe("the command", () => {
  const index = fileURLToPath(new URL("./index.ts", import.meta.url));
  const command = (args: string): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [index, ...args.split(" ")]);

  it("refuses a bad option with exit code 2 and its name", async () => {
    const failure = await command("--rate fast").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('--rate must be a number from 0.1 to 100000, not "fast"') });
  });

  it("prints the numbers as JSON, and nothing else", async () => {
    const { stdout, stderr } = await command("--subscribers 1000 --seconds 2 --json");
    expect(JSON.parse(stdout)).toMatchObject({ events: 400, counts: { posts: 40, holes: 0 }, options: { subscribers: 1_000 } });
    expect(stderr).toBe("");
  });

  it("prints what saturates first", async () => {
    const { stdout } = await command("--subscribers 1000 --seconds 2");
    expect(stdout).toContain("Saturates first: ");
    expect(stdout).toContain("0 events in unannounced holes");
  });
});
