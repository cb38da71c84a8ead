/** The log is read whole or the command fails, however often the line breaks; and what is damaged is named. */
import { describe, expect, it } from "vitest";
import { Interrupted } from "../errors.ts";
import { answer, failure, runFake, type Asked } from "../testing/fake-world.ts";

const hour = "2026-11-24T11:00:00.000Z";
const atMs = Date.parse(hour);

function lineOf(
  offset: number,
  event: unknown = { id: `e${offset}`, type: "opportunity.detected", source: "a", time: hour, data: {} },
): string {
  return JSON.stringify({ epoch: "e1", offset, at: atMs + offset, event });
}

interface Held {
  readonly lines: readonly string[];
  readonly summary?: object;
  readonly state?: string;
  readonly promised?: number;
}

const complete = { events: 0, copies: 0, conflicts: 0, missing: [], quarantined: [] };

function logEdge({ lines, summary = {}, state = "raw", promised }: Held, breaks: readonly number[] = []): (asked: Asked) => Response {
  let asks = 0;
  return ({ url }) => {
    if (url.pathname === "/ops/channels") return answer([{ stream: "market", reachable: true, epoch: "e1", top: 9 }]);
    if (url.pathname === "/ops/logs/hours") {
      const manifest = promised === undefined ? undefined : { events: promised };
      return answer({ hours: [{ hour, state, raw_objects: 1, raw_unlisted: 0, manifest }], missing: [], quarantine: [] });
    }
    const whole = [...lines, JSON.stringify({ summary: { ...complete, ...summary } })];
    const end = breaks[asks++];
    return new Response(bodyOf(end === undefined ? whole : whole.slice(0, end), end !== undefined));
  };
}

function bodyOf(lines: readonly string[], isCut: boolean): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const line = lines[at++];
      if (line !== undefined) controller.enqueue(new TextEncoder().encode(`${line}\n`));
      else if (isCut) controller.error(new TypeError("terminated"));
      else controller.close();
    },
  });
}

const three = [1, 2, 3].map((offset) => lineOf(offset));

describe("log cat", () => {
  it("writes every line as it is, and nothing else to stdout", async () => {
    const ended = await runFake(["log", "cat", "market"], { edge: logEdge({ lines: three }) });
    expect([ended.code, ended.stdout]).toEqual([0, `${three.join("\n")}\n`]);
  });

  it("writes each position once though the line breaks in the middle, twice", async () => {
    const ended = await runFake(["log", "cat", "market"], { edge: logEdge({ lines: three }, [1, 2]) });
    expect([ended.code, ended.stdout]).toEqual([0, `${three.join("\n")}\n`]);
  });

  it("fails when the line breaks again and again without a step forward", async () => {
    const ended = await runFake(["log", "cat", "market"], { edge: logEdge({ lines: three }, [1, 1, 1, 1, 1]) });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain("terminated");
  });

  it("takes an answer that ends without its summary for broken off", async () => {
    const ended = await runFake(["log", "cat", "market"], {
      edge: (asked) => (asked.url.pathname === "/ops/logs" ? new Response(`${lineOf(1)}\n`) : logEdge({ lines: [] })(asked)),
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("BROKEN_OFF");
  });

  it("ends with 1 after a log with a hole: whoever pipes it on must not take it for whole", async () => {
    const missing = [{ epoch: "e1", first: 2, last: 2 }];
    const ended = await runFake(["log", "cat", "market"], { edge: logEdge({ lines: [lineOf(1), lineOf(3)], summary: { missing } }) });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("e1:2-2 is missing");
  });

  it("asks for a long window hour by hour, and for hours a week at a time", async () => {
    const asked = (await runFake(["log", "cat", "market", "--from", "20d"], { edge: logEdge({ lines: three }) })).asked.map(
      ({ url }) => `${url.pathname} ${url.searchParams.get("from")} ${url.searchParams.get("to")}`,
    );
    expect(asked.slice(0, 3)).toEqual([
      "/ops/logs/hours 2026-11-04T12:00:00.000Z 2026-11-11T00:00:00.000Z",
      "/ops/logs/hours 2026-11-11T00:00:00.000Z 2026-11-18T00:00:00.000Z",
      "/ops/logs/hours 2026-11-18T00:00:00.000Z 2026-11-24T12:00:00.000Z",
    ]);
    expect(asked[3]).toBe("/ops/logs 2026-11-24T11:00:00.000Z 2026-11-24T12:00:00.000Z");
  });

  it("interrupted, says where to go on", async () => {
    const stop = new AbortController();
    const ended = await runFake(["log", "cat", "market"], {
      signal: stop.signal,
      edge: (asked) => {
        if (asked.url.pathname === "/ops/logs") stop.abort(new Interrupted());
        return logEdge({ lines: three })(asked);
      },
    });
    expect([ended.code, ended.stdout]).toEqual([130, ""]);
    expect(ended.stderr).toContain("go on with --from 2026-11-24T11:00:00.000Z");
  });
});

describe("log verify", () => {
  const verify = async (held: Held) => {
    const ended = await runFake(["log", "verify", "market", "--json"], { edge: logEdge(held) });
    return { code: ended.code, verdict: JSON.parse(ended.stdout) as Record<string, unknown> };
  };

  it("ends with 0 where nothing is missing, and tells what has not reached the log yet", async () => {
    const { code, verdict } = await verify({ lines: three, state: "compacted", promised: 3 });
    expect(code).toBe(0);
    expect(verdict).toMatchObject({ ok: true, events: 3, epochs: [{ epoch: "e1", first: 1, last: 3, events: 3 }], not_yet_logged: 6 });
  });

  it.each([
    ["a hole", { lines: [lineOf(1), lineOf(4)] }, { missing_positions: 2, missing: [{ epoch: "e1", first: 2, last: 3 }] }],
    ["a line that is none", { lines: [...three, "what?"] }, { corrupt: ["what?"] }],
    ["an event that is none", { lines: [lineOf(1, "not json")] }, { corrupt: ["e1:1 is no event"] }],
    [
      "two words for one position",
      { lines: three, summary: { conflicts: 1 } },
      { corrupt: [expect.stringContaining("1 copies say something else")] },
    ],
    [
      "fewer events than promised",
      { lines: three, state: "compacted", promised: 4 },
      { corrupt: [expect.stringContaining("promises 4 events, it holds 3")] },
    ],
    [
      "an object set aside",
      { lines: three, summary: { quarantined: [{ key: "k", reason: "hash" }] } },
      { quarantined: [{ key: "k", reason: "hash" }] },
    ],
  ])("ends with 1 for %s, and names it", async (_what, held, expected) => {
    const { code, verdict } = await verify(held);
    expect(code).toBe(1);
    expect(verdict).toMatchObject({ ok: false, ...expected });
  });
});

it("log stats counts by type, source and hour, and how late events were", async () => {
  const late = lineOf(2_500, { id: "x", type: "opportunity.expired", source: "b", time: hour, data: {} });
  const ended = await runFake(["log", "stats", "market", "--json"], { edge: logEdge({ lines: [...three, late] }) });
  expect(JSON.parse(ended.stdout)).toMatchObject({
    events: 4,
    by_type: { "opportunity.detected": 3, "opportunity.expired": 1 },
    by_source: { a: 3, b: 1 },
    by_hour: { "2026-11-24T11:00Z": 4 },
    lag_ms: { p50: 2, max: 2_500 },
  });
});

it.each([
  [["log", "cat"], "missing required argument"],
  [["log", "cat", "market", "--from", "soon"], "must be a time such as"],
  [["log", "cat", "market", "--from", "1h", "--to", "2h"], "--from must be before --to"],
])("%j asks nothing and ends with 2", async (argv, reason) => {
  const ended = await runFake(argv, { edge: () => failure(500, "INTERNAL") });
  expect([ended.code, ended.asked]).toEqual([2, []]);
  expect(ended.stderr).toContain(reason);
});
