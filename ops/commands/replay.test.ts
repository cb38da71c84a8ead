import { describe, expect, it } from "vitest";
import type { Replay } from "../../schemas/replay.ts";
import { Interrupted } from "../errors.ts";
import { answer, failure, runFake, type Asked } from "../testing/fake-world.ts";

const replay: Replay = {
  id: "01abc",
  mode: "channel",
  state: "running",
  streams: ["opportunities"],
  from: "2026-11-24T10:00:00.000Z",
  to: "2026-11-24T11:00:00.000Z",
  pace: "x10",
  events_per_second_max: 2_000,
  channel: "replay:01abc",
  progress: { read: 50, matched: 40, sent: 40, total: 200, percent: 25, rate_per_second: 25, eta_seconds: 6 },
  created_at: "2026-11-24T12:00:00.000Z",
  requested_by: "operator",
};
const start = ["replay", "start", "--stream", "opportunities", "--from", "2h", "--to", "1h", "--mode", "channel", "--pace", "x10"];

/** Running for so many looks, then in that state. */
function edgeThat(ends: Replay["state"], looks = 2) {
  let left = looks;
  return ({ method }: Asked) => answer(method === "GET" && (left -= 1) <= 0 ? { ...replay, state: ends } : replay);
}

it("orders exactly what was asked for, and nothing else", async () => {
  const { code, asked, stdout, stderr } = await runFake([...start, "--type", "opportunity.detected", "--rate-max", "500"], {
    edge: () => answer(replay),
  });
  expect([code, asked.length]).toEqual([0, 1]);
  expect([asked[0]?.method, asked[0]?.url.pathname]).toEqual(["POST", "/ops/replays"]);
  expect(asked[0]?.body).toEqual({
    mode: "channel",
    streams: ["opportunities"],
    from: "2026-11-24T10:00:00.000Z",
    to: "2026-11-24T11:00:00.000Z",
    pace: "x10",
    types: ["opportunity.detected"],
    events_per_second_max: 500,
  });
  expect(stdout).toContain("replay:01abc");
  expect(stderr).toContain("arbx replay show 01abc --follow");
});

it("only counts, unless another mode is named", async () => {
  const { asked } = await runFake(start.slice(0, 8), { edge: () => answer(replay) });
  expect(asked[0]?.body).toMatchObject({ mode: "dry-run", pace: "instant" });
});

it.each([
  [["replay", "start", "--stream", "a", "--from", "1h"]],
  [["replay", "start", "--stream", "a", "--from", "1h", "--to", "2h"]],
  [[...start, "--mode", "twice"]],
  [[...start, "--pace", "fast"]],
  [[...start, "--rate-max", "0"]],
  [["replay", "list", "--state", "lost"]],
])("%j asks nothing", async (argv) => {
  const { code, asked } = await runFake(argv, { edge: () => answer(replay) });
  expect([code, asked]).toEqual([2, []]);
});

describe("followed to its end", () => {
  it.each([
    ["done", 0, ""],
    ["failed", 1, "REPLAY_FAILED"],
    ["cancelled", 1, "REPLAY_CANCELLED"],
    ["paused", 1, "arbx replay resume 01abc"],
  ] as const)("one that is %s ends with %i", async (state, exit, told) => {
    const { code, stdout, stderr } = await runFake([...start, "--follow", "--json"], { edge: edgeThat(state) });
    expect(code).toBe(exit);
    expect(JSON.parse(stdout)).toMatchObject({ id: "01abc", state });
    expect(stderr).toContain(told);
  });

  it("shows what the edge measured, rate and time left", async () => {
    let ms = 0;
    const { stderr } = await runFake([...start, "--follow"], { edge: edgeThat("done", 3), now: () => (ms += 6_000) });
    expect(stderr).toContain("replay 01abc: 50/200 events (25%), 25.0/s, ETA 6s");
  });
});

describe("Ctrl-C while it is followed", () => {
  async function interrupted(argv: readonly string[], cancel: () => Response) {
    const stop = new AbortController();
    const edge = ({ method }: Asked) => (method === "DELETE" ? cancel() : answer(replay));
    const sleep = async (): Promise<void> => stop.abort(new Interrupted());
    return await runFake([...start, "--follow", ...argv], { edge, signal: stop.signal, sleep });
  }
  const never = (): never => {
    throw new Error("nothing was to be cancelled");
  };

  it("leaves it running, and says how to go on and how to stop it", async () => {
    const { code, stderr, asked } = await interrupted([], never);
    expect(code).toBe(130);
    expect(stderr).toContain("goes on in the edge");
    expect(stderr).toContain("arbx replay cancel 01abc");
    expect(asked.map(({ method }) => method)).not.toContain("DELETE");
  });

  it("cancels it where that was asked for, and says that it did", async () => {
    const { code, stderr } = await interrupted(["--cancel-on-interrupt"], () => answer({ ...replay, state: "cancelled" }));
    expect([code, stderr.includes("it is cancelled")]).toEqual([130, true]);
  });

  it("says that it goes on when it could not be cancelled", async () => {
    const { code, stderr } = await interrupted(["--cancel-on-interrupt"], () => failure(503, "UPSTREAM_UNAVAILABLE"));
    expect(code).toBe(130);
    expect(stderr).toContain("could NOT be cancelled");
  });
});

it.each([
  ["pause", "POST", "/ops/replays/01abc/pause"],
  ["resume", "POST", "/ops/replays/01abc/resume"],
  ["cancel", "DELETE", "/ops/replays/01abc"],
])("%s is one request, and a state that forbids it ends with 6", async (verb, method, path) => {
  const done = await runFake(["replay", verb, "01abc"], { edge: () => answer(replay) });
  expect([done.code, done.asked.map((asked) => `${asked.method} ${asked.url.pathname}`)]).toEqual([0, [`${method} ${path}`]]);
  expect((await runFake(["replay", verb, "01abc"], { edge: () => failure(409, "CONFLICT") })).code).toBe(6);
});

it("list reads pages until there are enough", async () => {
  let page = 0;
  const edge = () =>
    answer(
      Array.from({ length: 100 }, () => replay),
      { has_next: true, cursor: String((page += 1)) },
    );
  const { stdout, asked } = await runFake(["replay", "list", "--limit", "150", "--json"], { edge });
  expect([(JSON.parse(stdout) as unknown[]).length, asked.length]).toEqual([150, 2]);
});
