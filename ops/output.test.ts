/** What people see: aligned tables, colours only where they are wanted, and nothing that steers a terminal. */
import { describe, expect, it } from "vitest";
import pc from "picocolors";
import { printable, renderPairs, renderTable } from "./output.ts";
import { startProgress } from "./progress.ts";
import { parseTime, renderSeconds } from "./times.ts";
import { answer, runFake } from "./testing/fake-world.ts";

const plain = pc.createColors(false);
const channels = () => answer([{ stream: "market", reachable: false }]);
const colour = "\u{1b}[";

it("aligns columns by what is in them", () => {
  const rows = [
    { name: "a", count: 5 },
    { name: "longer", count: 1_000 },
  ];
  const columns = [
    { title: "NAME", value: ({ name }: { name: string }) => name },
    { title: "COUNT", value: ({ count }: { count: number }) => count, align: "right" as const },
  ];
  expect(renderTable(rows, columns, plain)).toBe("NAME    COUNT\na           5\nlonger   1000");
  expect(
    renderPairs([
      ["a", 1],
      ["bcd", undefined],
      ["ef", "x"],
    ]),
  ).toBe("a   1\nef  x");
});

it("takes the control characters out of what came over the wire", () => {
  expect(printable("\u{1b}[31mred\u{9b}0m\r\n")).toBe("�[31mred�0m��");
});

describe("colours", () => {
  it.each([
    ["on a terminal", { isTTY: true }, [], true],
    ["without one", { isTTY: false }, [], false],
    ["with NO_COLOR", { isTTY: true, env: { NO_COLOR: "1", ARBX_URL: "https://edge.test", ARBX_KEY: "k" } }, [], false],
    ["with --no-color", { isTTY: true }, ["--no-color"], false],
    ["with --json", { isTTY: true }, ["--json"], false],
  ] as const)("%s", async (_where, options, argv, expected) => {
    const { stdout } = await runFake(["channels", ...argv], { ...options, edge: channels });
    expect(stdout.includes(colour)).toBe(expected);
  });
});

describe("progress without a terminal", () => {
  it("is a line every five seconds with rate and ETA, and one at the end", () => {
    let nowMs = 0;
    const said: string[] = [];
    const sink = { isTTY: false, write: async (text: string) => void said.push(text) };
    const progress = startProgress(sink, { label: "replay", unit: "events", now: () => nowMs });
    for (let second = 0; second <= 12; second++) {
      nowMs = second * 1_000;
      progress.update({ done: second * 100, total: 2_400 });
    }
    progress.end();
    expect(said).toEqual([
      "replay: 500/2400 events (20%), 100/s, ETA 19s\n",
      "replay: 1000/2400 events (41%), 100/s, ETA 14s\n",
      "replay: 1200/2400 events (50%), 100/s, ETA 12s\n",
    ]);
  });

  it("believes the edge's own rate and ETA", () => {
    const said: string[] = [];
    const sink = { isTTY: false, write: async (text: string) => void said.push(text) };
    const progress = startProgress(sink, { label: "replay", unit: "events", now: () => 0 });
    progress.update({ done: 1, total: undefined, ratePerSecond: 7, etaSeconds: 3_700 });
    progress.end();
    expect(said).toEqual(["replay: 1 events, 7.0/s, ETA 1h 1m\n"]);
  });

  it("names no rate while nothing has moved: all may have been there at the first look", () => {
    const said: string[] = [];
    const sink = { isTTY: false, write: async (text: string | Uint8Array) => void said.push(String(text)) };
    const progress = startProgress(sink, { label: "replay", unit: "events", now: () => 0 });
    progress.update({ done: 20, total: 20 });
    progress.end();
    expect(said).toEqual(["replay: 20/20 events (100%)\n"]);
  });
});

describe("times", () => {
  const nowMs = Date.parse("2026-11-24T12:00:00Z");
  it.each([
    ["now", "2026-11-24T12:00:00.000Z"],
    ["90s", "2026-11-24T11:58:30.000Z"],
    ["2h", "2026-11-24T10:00:00.000Z"],
    ["3d", "2026-11-21T12:00:00.000Z"],
    ["2026-11-01", "2026-11-01T00:00:00.000Z"],
    ["2026-11-24T02:00:00+02:00", "2026-11-24T00:00:00.000Z"],
  ])("%s is %s", (text, expected) => {
    expect(new Date(parseTime(text, nowMs)).toISOString()).toBe(expected);
  });

  it.each(["", "yesterday", "2026-13-01", "2026-11-24 02:00", "-1h", "1y", "2026-11-24T02:00:00"])("%j is none", (text) => {
    expect(() => parseTime(text, nowMs)).toThrow("must be a time such as");
  });

  it.each([
    [0, "0s"],
    [59.6, "1m 0s"],
    [3_700, "1h 1m"],
    [200_000, "2d 7h"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(renderSeconds(seconds)).toBe(text);
  });
});
