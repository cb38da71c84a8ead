/** What the smaller commands ask of the edge, and what they refuse to ask. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { answer, failure, runFake, type Asked } from "../testing/fake-world.ts";
import { withPath } from "./config-path.ts";
import { parseSince, renderEvent } from "./tail-lines.ts";
import pc from "picocolors";

const current = {
  version: 7,
  at: "2026-11-24T12:00:00.000Z",
  actor: "operator",
  comment: "",
  config: { v: 1, limits: { tiers: { anonymous: { requests: 5 } } }, firewall: [] },
};

/** Answers reads with the configuration, and changes with the next version. */
const configEdge = ({ method }: Asked) => answer(method === "GET" ? current : { ...current, version: 8 });
const lastOf = (asked: readonly Asked[]) => asked.at(-1);

describe("config", () => {
  it("get shows one part", async () => {
    const ended = await runFake(["config", "get", "limits.tiers.anonymous.requests"], { edge: configEdge });
    expect([ended.code, ended.stdout]).toEqual([0, "5\n"]);
    expect((await runFake(["config", "get", "limits.none"], { edge: configEdge })).code).toBe(5);
  });

  it("set changes one part of the version that it read, and no other", async () => {
    const { code, asked } = await runFake(["config", "set", "limits.tiers.anonymous.requests", "9", "--comment", "why"], {
      edge: configEdge,
    });
    expect(code).toBe(0);
    expect(lastOf(asked)?.headers.get("if-match")).toBe('"7"');
    expect(lastOf(asked)?.body).toEqual({
      comment: "why",
      config: { ...current.config, limits: { tiers: { anonymous: { requests: 9 } } } },
    });
  });

  it("set that somebody else was faster than ends with 6", async () => {
    const edge = (asked: Asked) => (asked.method === "GET" ? configEdge(asked) : failure(409, "CONFLICT"));
    expect((await runFake(["config", "set", "under_attack", "true"], { edge })).code).toBe(6);
  });

  it("set --file takes all of it, and nothing that is not JSON", async () => {
    const whole = await runFake(["config", "set", "--file", "-"], { edge: configEdge, stdin: '{"v":1}' });
    expect(lastOf(whole.asked)?.body).toEqual({ config: { v: 1 } });
    const broken = await runFake(["config", "set", "--file", "-"], { edge: configEdge, stdin: "{" });
    expect([broken.code, broken.asked]).toEqual([2, []]);
  });

  it.each([[["set"]], [["set", "path"]], [["set", "path", "1", "--file", "-"]], [["rollback", "zero"]]])(
    "%j asks nothing",
    async (argv) => {
      const ended = await runFake(["config", ...argv], { edge: configEdge });
      expect([ended.code, ended.asked]).toEqual([2, []]);
    },
  );

  it("rollback names the version", async () => {
    const { asked, stdout } = await runFake(["config", "rollback", "3"], { edge: configEdge });
    expect([lastOf(asked)?.url.pathname, lastOf(asked)?.body]).toEqual(["/ops/config/rollback", { version: 3 }]);
    expect(stdout).toBe("version 8 holds what version 3 held\n");
  });

  it.each([
    [{ a: [1, 2] }, "a.2", { a: [1, 2, 3] }],
    [{ a: [1, 2] }, "a.0", { a: [3, 2] }],
    [{}, "a.b", { a: { b: 3 } }],
  ])("in %j sets %s", (value, path, expected) => {
    expect(withPath(value, path, 3)).toEqual(expected);
  });

  it.each([
    [{ a: 1 }, "a.b"],
    [{ a: [] }, "a.1"],
    [{ a: [] }, "a.x"],
    [{}, ""],
    [{}, "a..b"],
  ])("in %j there is no place %s", (value, path) => {
    expect(() => withPath(value, path, 3)).toThrow();
  });
});

describe("cache purge", () => {
  it("says what to forget", async () => {
    const edge = () => answer({ tags: ["opportunities"], everywhere_by: "2026-11-24T12:01:00.000Z" });
    const { asked, stdout } = await runFake(["cache", "purge", "--tag", "opportunities"], { edge });
    expect(asked[0]?.body).toEqual({ tags: ["opportunities"] });
    expect(stdout).toContain("everywhere by 2026-11-24T12:01:00.000Z");
  });

  it("without saying what forgets nothing", async () => {
    expect(await runFake(["cache", "purge"])).toMatchObject({ code: 2, asked: [] });
  });
});

describe("token", () => {
  const issued = { access_token: "a.b.c", refresh_token: "r", session_id: "s", expires_at: "2026-11-24T13:00:00.000Z", sub: "me" };

  it("mint prints the token alone, so that it can be piped on", async () => {
    const ended = await runFake(
      ["token", "mint", "--sub", "me", "--channel", "opportunities:*=subscribe,history", "--channel", "market", "--ttl", "60"],
      {
        edge: () => answer(issued, undefined, 201),
      },
    );
    expect([ended.code, ended.stdout]).toEqual([0, "a.b.c\n"]);
    expect(ended.asked[0]?.body).toEqual({
      sub: "me",
      channels: { "opportunities:*": ["subscribe", "history"], market: ["subscribe"] },
      ttl_seconds: 60,
    });
    expect(ended.stderr).not.toContain("refresh");
  });

  it("mint is not asked again when it is not known what became of it", async () => {
    const ended = await runFake(["token", "mint"], { edge: () => Promise.reject(new TypeError("terminated")) });
    expect([ended.code, ended.asked.length]).toEqual([3, 1]);
    expect(ended.stderr).toContain("not known whether the edge did it");
  });

  it("inspect reads from stdin, sends no key, and ends with 1 for a token that does not hold", async () => {
    const ended = await runFake(["token", "inspect"], { stdin: "a.b.c\n", edge: () => answer({ active: false, reason: "expired" }) });
    expect([ended.code, ended.asked[0]?.body]).toEqual([1, { token: "a.b.c" }]);
    expect(ended.asked[0]?.headers.has("x-api-key")).toBe(false);
    expect(ended.stderr).toContain("the token is expired");
  });
});

describe("holds", () => {
  it("add keeps what is named", async () => {
    const { asked, code } = await runFake(["holds", "add", "case-17", "--reason", "audit", "--stream", "market", "--from", "1d"], {
      edge: () => answer({ name: "case-17", reason: "audit" }),
    });
    expect([code, asked[0]?.method, asked[0]?.url.pathname]).toEqual([0, "PUT", "/ops/logs/holds/case-17"]);
    expect(asked[0]?.body).toEqual({ reason: "audit", stream: "market", from: "2026-11-23T12:00:00.000Z" });
  });

  it("remove that finds nothing ends with 5", async () => {
    expect((await runFake(["holds", "remove", "a/b"])).asked[0]?.url.pathname).toBe("/ops/logs/holds/a%2Fb");
    expect((await runFake(["holds", "remove", "none"])).code).toBe(5);
  });
});

describe("channels", () => {
  const status = {
    stream: "market",
    reachable: true,
    epoch: "e1",
    top: 9,
    first: 1,
    settled: 7,
    outbox: { a: 2 },
    relays: [{ relay: "relay:weur:0", position: 1, behind: true }],
  };
  const edge = ({ url }: Asked) =>
    url.pathname === "/ops/channels" ? answer([status]) : answer({ clients: 5, users: 3, relays_silent: 0 });

  it("shows positions, subscribers and regions", async () => {
    const { stdout, code } = await runFake(["channels"], { edge });
    expect(code).toBe(0);
    expect(stdout.split("\n")[1]?.split(/ {2,}/)).toEqual(["market", "e1", "1", "9", "2", "2", "3", "5", "weur:1 (1 behind)"]);
  });

  it("shows all of it and ends with 1 when one does not answer", async () => {
    const silent = await runFake(["channels", "--json"], { edge: () => answer([{ stream: "market", reachable: false }]) });
    expect([silent.code, JSON.parse(silent.stdout)]).toEqual([1, [{ stream: "market", reachable: false }]]);
  });

  it("that is not there is named with those that are", async () => {
    const ended = await runFake(["channels", "markt"], { edge });
    expect([ended.code, ended.stdout]).toEqual([5, ""]);
    expect(ended.stderr).toContain("there are: market");
  });
});

describe("tail", () => {
  it.each([
    ["e1:42", { from: { epoch: "e1", offset: 42 } }],
    ["100", { rewind: 100 }],
    ["30s", { rewind: "30s" }],
  ])("--since %s", (text, expected) => {
    expect(parseSince(text)).toEqual(expected);
  });

  it.each(["", "0", "-1", "e1:", "e1:x", "5h", "1.5s"])("knows no --since %j", (text) => {
    expect(() => parseSince(text)).toThrow("must be a position");
  });

  it("shows no control characters of an event", () => {
    const event = {
      type: "system_alert",
      channel: "alerts",
      epoch: "e1",
      offset: 1,
      prev: 0,
      id: "x",
      time: "t",
      data: { message: "\u{1b}[2Jgone" },
    };
    expect(renderEvent(event, pc.createColors(false))).toBe("t e1:1 system_alert message=�[2Jgone");
  });

  it("ends with 4 for a key that the edge refuses, before a socket is opened", async () => {
    const ended = await runFake(["tail", "market"], { edge: () => failure(401, "UNAUTHORIZED") });
    expect([ended.code, ended.asked.map(({ url }) => url.pathname)]).toEqual([4, ["/security/token"]]);
    const stale = await runFake(["tail", "market"], {
      env: { ARBX_URL: "https://edge.test", ARBX_KEY: "a.b.c" },
      edge: () => answer({ active: false, reason: "expired" }),
    });
    expect(stale.code).toBe(4);
  });
});

describe("completion", () => {
  it.each([
    ["arbx ", "log"],
    ["arbx lo", "log"],
    ["arbx log ", "verify"],
    ["arbx log verify --fr", "--from"],
    ["arbx --json config ro", "rollback"],
  ])("bash completes %j with %s", async (line, expected) => {
    const script = (await runFake(["completion", "bash"])).stdout;
    const words = line.split(" ");
    const ask = `${script}\nCOMP_WORDS=(${words.map((word) => JSON.stringify(word)).join(" ")}); COMP_CWORD=${words.length - 1}; _arbx; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(execFileSync("bash", ["-c", ask], { encoding: "utf8" }).split("\n")).toContain(expected);
  });

  it("is refused for a shell that it does not know", async () => {
    const ended = await runFake(["completion", "cmd"]);
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
  });

  it.each(["zsh", "fish"])("knows every command in %s", async (shell) => {
    const { stdout } = await runFake(["completion", shell]);
    for (const name of ["tail", "publish", "channels", "log", "config", "token", "verify"]) expect(stdout).toContain(name);
  });
});
