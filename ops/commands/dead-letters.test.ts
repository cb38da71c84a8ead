import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { World } from "../cli.ts";
import { Interrupted } from "../errors.ts";
import { answer, failure, runFake, type Asked } from "../testing/fake-world.ts";

const letter = (index: number, over: object = {}) => ({
  id: index.toString(16).padStart(32, "0"),
  queue: "hot-cache",
  reason: index % 2 === 0 ? "too large" : "no such column",
  state: "kept",
  parked_at: "2026-11-24T12:00:00.000Z",
  bytes: 10,
  parks: 1,
  redrives: 0,
  positions: { stream: index < 30 ? "executions" : "opportunities", epoch: "e1", first: index, last: index },
  ...over,
});
const letters = Array.from({ length: 60 }, (_, index) => letter(index));
const idsIn = ({ body }: Asked): readonly string[] => (body as { ids: readonly string[] }).ids;
const posts = (asked: readonly Asked[]): readonly Asked[] => asked.filter(({ method }) => method === "POST");

/** Every list is all of them; what is sent again fails for those named. */
function edgeWith(failing: readonly string[] = []) {
  return (asked: Asked) => {
    if (asked.method === "GET") return answer(letters, { has_next: false });
    const failed = idsIn(asked).filter((id) => failing.includes(id));
    const redriven = idsIn(asked).filter((id) => !failing.includes(id));
    return answer({ redriven, failed: failed.map((id) => ({ id, reason: "still no such column" })), discarded: redriven, unknown: failed });
  };
}

describe("redrive", () => {
  it("--all sends each of those that fit once, the oldest first, some at a time", async () => {
    const { code, stdout, asked } = await runFake(["dead-letters", "redrive", "--all", "--stream", "executions", "--match", "large"], {
      edge: edgeWith(),
    });
    expect([code, stdout]).toEqual([0, "15 were sent again, 0 could not be\n"]);
    expect(asked[0]?.url.searchParams.get("state")).toBe("kept");
    expect(asked[0]?.url.searchParams.get("order")).toBe("oldest");
    expect(posts(asked).flatMap(idsIn)).toEqual(letters.filter((_, index) => index < 30 && index % 2 === 0).map(({ id }) => id));
  });

  it("counts as it goes", async () => {
    let ms = 0;
    const { stderr, asked } = await runFake(["dead-letters", "redrive", "--all"], { edge: edgeWith(), now: () => (ms += 6_000) });
    expect(posts(asked).length).toBe(3);
    for (const count of ["20/60", "40/60", "60/60"]) expect(stderr).toContain(`redrive: ${count} letters`);
  });

  it("names those that could not be sent, and ends with 1", async () => {
    const { code, stdout, stderr } = await runFake(["dead-letters", "redrive", "--all"], { edge: edgeWith([letter(3).id]) });
    expect(code).toBe(1);
    expect(stdout).toContain(`${letter(3).id}: still no such column`);
    expect(stderr).toContain("REDRIVE_FAILED");
  });

  it.each([[["redrive"]], [["redrive", "--all", letter(1).id]], [["discard", letter(1).id]], [["discard", "--reason", "why"]]])(
    "%j asks nothing: neither all by a slip, nor none",
    async (argv) => {
      const { code, asked } = await runFake(["dead-letters", ...argv], { edge: edgeWith() });
      expect([code, asked]).toEqual([2, []]);
    },
  );

  it("--dry-run sends nothing", async () => {
    const { code, stdout, asked } = await runFake(["dead-letters", "redrive", "--all", "--dry-run"], { edge: edgeWith() });
    expect([code, stdout, posts(asked)]).toEqual([0, "60 would be sent again\n", []]);
  });

  it("that is interrupted asks for no further batch, and says how many are done", async () => {
    const stop = new AbortController();
    let batches = 0;
    const edge = (asked: Asked) => {
      if (asked.method === "POST" && (batches += 1) === 2) stop.abort(new Interrupted());
      return edgeWith()(asked);
    };
    const { code, stderr, asked } = await runFake(["dead-letters", "redrive", "--all"], { edge, signal: stop.signal });
    expect([code, posts(asked).length]).toEqual([130, 2]);
    expect(stderr).toMatch(/(20|40) of 60 letters are done, and at most 20 more/);
  });
});

it("discard keeps the reason, and names what does not exist", async () => {
  const ids = [letter(1).id, letter(2).id];
  const { code, stderr, asked } = await runFake(["dead-letters", "discard", ...ids, "--reason", "test data"], {
    edge: edgeWith([letter(2).id]),
  });
  expect(asked[0]?.body).toEqual({ ids, comment: "test data" });
  expect([code, stderr.includes(letter(2).id)]).toEqual([5, true]);
});

describe("retry --edit", () => {
  const whole = { ...letter(1), events: [{ type: "system.alert", data: { level: "loud" } }] };
  const edge = ({ method }: Asked) => answer(method === "GET" ? whole : { id: whole.id, queue: "hot-cache", redrives: 1 });
  const argv = ["dead-letters", "retry", whole.id, "--edit", "--comment", "typo"];
  const env = { ARBX_URL: "https://edge.test", ARBX_KEY: "ops-key", EDITOR: "ed --quiet" };

  function typing(change: (text: string) => string, code = 0): World["runProgram"] {
    return async ([editor, ...args]) => {
      expect([editor, args.length]).toEqual(["ed", 2]);
      const [, file = ""] = args;
      writeFileSync(file, change(readFileSync(file, "utf8")));
      return code;
    };
  }

  it("sends what was typed", async () => {
    const { code, asked } = await runFake(argv, { edge, env, runProgram: typing((text) => text.replace("loud", "info")) });
    expect(code).toBe(0);
    expect(posts(asked).map(({ body }) => body)).toEqual([
      { events: [{ type: "system.alert", data: { level: "info" } }], comment: "typo" },
    ]);
  });

  it("of a letter that cannot be read corrects its text", async () => {
    const unreadable = { ...letter(1), unreadable: "not JSON", body: '{"half' };
    const { asked } = await runFake(argv, {
      env,
      edge: ({ method }) => answer(method === "GET" ? unreadable : {}),
      runProgram: typing((text) => `${text}":1}`),
    });
    expect(posts(asked).map(({ body }) => body)).toEqual([{ body: '{"half":1}', comment: "typo" }]);
  });

  it.each([
    ["is closed unchanged", (text: string) => text, 0, 1, "UNCHANGED"],
    ["fails", (text: string) => `${text} `, 7, 1, "EDITOR"],
    ["leaves no JSON", () => "[", 0, 2, "NOT_JSON"],
    ["leaves no events", () => "[]", 0, 2, "NOT_EVENTS"],
  ] as const)("sends nothing when the editor %s, and keeps what was typed", async (_, change, ends, exit, told) => {
    const { code, stderr, asked } = await runFake(argv, { edge, env, runProgram: typing(change, ends) });
    expect([code, posts(asked)]).toEqual([exit, []]);
    expect(stderr).toContain(told);
    const [file] = /\S+\.json$/m.exec(stderr) ?? [];
    if (told !== "UNCHANGED") expect(readFileSync(file ?? "", "utf8")).toBe(change(`${JSON.stringify(whole.events, null, 2)}\n`));
  });

  it("says which editor cannot be started", async () => {
    const { code, stderr } = await runFake(argv, { edge, env, runProgram: () => Promise.reject(new Error("spawn ed ENOENT")) });
    expect([code, stderr.includes("ed cannot be started")]).toEqual([1, true]);
  });
});

it("list shows what waits, show all of one", async () => {
  const { stdout, asked } = await runFake(["dead-letters", "list", "--limit", "2"], { edge: edgeWith() });
  expect(stdout.trim().split("\n")).toHaveLength(3);
  expect(asked[0]?.url.searchParams.get("state")).toBe("kept");
  const shown = await runFake(["dead-letters", "show", letter(1).id], { edge: () => answer({ ...letter(1), events: [{ id: "evt-1" }] }) });
  expect(shown.stdout).toContain('{"id":"evt-1"}');
  expect((await runFake(["dead-letters", "show", letter(1).id], { edge: () => failure(404, "NOT_FOUND") })).code).toBe(5);
});
