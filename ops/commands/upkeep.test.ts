/** Backups, assets, rules, and the commands that say how the edge is: what they ask, and what they refuse to ask. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Interrupted } from "../errors.ts";
import { answer, failure, runFake, type Asked } from "../testing/fake-world.ts";
import { compareClocks } from "./doctor.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "arbx-unit-"));
const calls = (asked: readonly Asked[]): string[] => asked.map(({ method, url }) => `${method} ${url.pathname}`);

describe("backup and restore", () => {
  const backup = { id: "b1", state: "running", kind: "on-demand", created_at: "2026-11-24T12:00:00.000Z", bytes: 0, parts: [] };
  const part = { name: "d1:SESSIONS_DB", rows: 3, bytes: 30, sha256: "ab" };

  it("create waits until it is made, and fails when it does", async () => {
    const edge = (state: string) => (asked: Asked) =>
      answer(asked.method === "POST" ? backup : { ...backup, state, parts: [part], error: "R2 is down" });
    const made = await runFake(["backup", "create", "--comment", "why"], { edge: edge("done") });
    expect([made.code, calls(made.asked)]).toEqual([0, ["POST /ops/backups", "GET /ops/backups/b1"]]);
    expect(made.stdout).toContain("d1:SESSIONS_DB");
    const failed = await runFake(["backup", "create"], { edge: edge("failed") });
    expect([failed.code, failed.stderr.includes("R2 is down")]).toEqual([1, true]);
  });

  it("create that is interrupted says that it goes on", async () => {
    const stop = new AbortController();
    const sleep = async (): Promise<void> => stop.abort(new Interrupted());
    const { code, stderr } = await runFake(["backup", "create"], { edge: () => answer(backup), sleep, signal: stop.signal });
    expect([code, stderr.includes("backup b1 goes on")]).toEqual([130, true]);
  });

  it("verify ends with 1 when a part differs", async () => {
    const { code, stdout } = await runFake(["backup", "verify", "b1"], {
      edge: () => answer({ ok: false, parts: [{ name: "d1:SESSIONS_DB", ok: false, reason: "another hash" }] }),
    });
    expect([code, stdout]).toEqual([1, "WRONG d1:SESSIONS_DB: another hash\n"]);
  });

  it.each([[["backup", "delete", "b1"]], [["backup", "delete", "b1", "--yes", "b2"]], [["restore", "b1", "--yes", "b2"]]])(
    "%j asks nothing",
    async (argv) => {
      const { code, asked } = await runFake(argv);
      expect([code, asked]).toEqual([2, []]);
    },
  );

  const restored = { id: "r1", backup: "b1", state: "done", progress: { done: 1, total: 1 } };

  it("restore changes nothing unless the id is said again", async () => {
    const parts = [{ name: "d1:SESSIONS_DB", would_add: 5, would_change: 6, would_remove: 7, unchanged: 8 }];
    const { code, stdout, stderr, asked } = await runFake(["restore", "b1"], { edge: () => answer({ ...restored, dry_run: true, parts }) });
    expect([code, calls(asked)]).toEqual([0, ["POST /ops/backups/b1/restore", "GET /ops/restores/r1"]]);
    expect(asked[0]?.body).toEqual({ dry_run: true });
    expect(stdout).toMatch(/d1:SESSIONS_DB +5 +6 +7 +8/);
    expect(stderr).toContain("nothing was changed");
  });

  it("restore --yes does it, and a failure is told", async () => {
    const parts = [{ name: "d1:SESSIONS_DB", added: 5, changed: 0, removed: 0, unchanged: 8 }];
    const edge = () => answer({ ...restored, state: "failed", error: "D1 is down", dry_run: false, parts });
    const { code, stderr, asked } = await runFake(["restore", "b1", "--part", "d1:SESSIONS_DB", "--yes", "b1"], { edge });
    expect(asked[0]?.body).toEqual({ parts: ["d1:SESSIONS_DB"], dry_run: false, confirm: "b1" });
    expect([code, stderr.includes("D1 is down"), stderr.includes("nothing was changed")]).toEqual([1, true, false]);
  });
});

describe("assets", () => {
  const bytes = "<svg/>";
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const facts = {
    path: "a/b.svg",
    url: "/assets/a/b.svg",
    bytes: bytes.length,
    etag: '"e1"',
    sha256,
    uploaded: "now",
    content_type: "image/svg+xml",
  };

  it("put sends the file with its digest, and overwrites only what it has seen", async () => {
    const cwd = folder();
    writeFileSync(join(cwd, "b.svg"), bytes);
    const put = (...more: string[]) => runFake(["assets", "put", "b.svg", "a/b.svg", ...more], { cwd, edge: () => answer(facts) });
    const [first] = (await put()).asked;
    expect([first?.headers.get("if-none-match"), first?.body]).toEqual(["*", bytes]);
    expect(first?.headers.get("content-digest")).toBe(`sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`);
    const replaced = await put("--replace");
    expect(calls(replaced.asked)).toEqual(["GET /ops/assets/a/b.svg", "PUT /ops/assets/a/b.svg"]);
    expect(replaced.asked[1]?.headers.get("if-match")).toBe('"e1"');
    expect((await runFake(["assets", "put", "none.svg", "x"], { cwd })).code).toBe(2);
  });

  async function get(body: BodyInit, signal = new AbortController().signal) {
    const cwd = folder();
    writeFileSync(join(cwd, "b.svg"), "old");
    const edge = ({ url }: Asked) => (url.pathname.startsWith("/ops/") ? answer(facts) : new Response(body));
    const ended = await runFake(["assets", "get", "a/b.svg", "--timeout", "0.1"], { cwd, edge, signal });
    return { ...ended, files: readdirSync(cwd), text: readFileSync(join(cwd, "b.svg"), "utf8") };
  }

  it("get writes what came whole and right", async () => {
    expect(await get(bytes)).toMatchObject({ code: 0, files: ["b.svg"], text: bytes });
  });

  it("get that is cut off, wrong or interrupted leaves what was there, and nothing else", async () => {
    const stuck = () => new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode("<sv")) });
    expect(await get("<svg?>")).toMatchObject({ code: 1, files: ["b.svg"], text: "old" });
    expect(await get(stuck())).toMatchObject({ code: 3, files: ["b.svg"], text: "old" });
    const stop = new AbortController();
    const pending = get(stuck(), stop.signal);
    setImmediate(() => stop.abort(new Interrupted()));
    expect(await pending).toMatchObject({ code: 130, files: ["b.svg"], text: "old" });
  });
});

describe("firewall and bans", () => {
  const rule = { id: "scan", action: "block", user_agents: ["evil"], matches_here: 3, last_match_at: null };

  it("set replaces the version that was shown, and no other", async () => {
    const shown = (await runFake(["firewall", "show", "--json"], { edge: () => answer({ version: 4, rules: [rule] }) })).stdout;
    const { code, asked } = await runFake(["firewall", "set", "-", "--comment", "why"], {
      stdin: shown,
      edge: () => answer({ version: 5 }),
    });
    expect([code, asked[0]?.headers.get("if-match")]).toEqual([0, '"4"']);
    expect(asked[0]?.body).toEqual({ comment: "why", rules: [{ id: "scan", action: "block", user_agents: ["evil"] }] });
    const late = await runFake(["firewall", "set", "-", "--comment", "why"], { stdin: shown, edge: () => failure(409, "CONFLICT") });
    expect(late.code).toBe(6);
  });

  it.each(["{", "{}", '"rules"'])("set of %s asks nothing", async (stdin) => {
    const { code, asked } = await runFake(["firewall", "set", "-", "--comment", "why"], { stdin });
    expect([code, asked]).toEqual([2, []]);
  });

  it("test only asks what would be", async () => {
    const tested = {
      version: 4,
      rules: 1,
      added: ["scan"],
      changed: [],
      removed: [],
      requests: [{ method: "GET", path: "/", action: "block", rule: "scan", logged: [], now: "none" }],
    };
    const { stdout, asked } = await runFake(["firewall", "test", "-", "--user-agent", "evil"], {
      stdin: JSON.stringify([rule]),
      edge: () => answer(tested),
    });
    expect(calls(asked)).toEqual(["POST /ops/firewall/test"]);
    expect(stdout).toContain("GET /: block by scan; now: none");
  });

  it("a ban ends as long ahead as was said", async () => {
    const edge = () => answer({ network: "198.51.100.1", until: "then" });
    const { asked } = await runFake(["bans", "add", "198.51.100.1", "--reason", "test", "--for", "2h"], { edge });
    expect(asked[0]?.body).toEqual({ network: "198.51.100.1", reason: "test", until: "2026-11-24T14:00:00.000Z" });
    expect((await runFake(["bans", "add", "198.51.100.1", "--reason", "test", "--for", "soon"])).asked).toEqual([]);
  });
});

describe("doctor", () => {
  const report = (status: string, advice?: string) => ({
    status,
    server_time: "2026-11-24T12:00:00.000Z",
    version: { id: "v1", tag: "abc", deployed_at: "" },
    checks: [
      { name: "d1:SESSIONS_DB", status, detail: "told", advice, latency_ms: 1 },
      { name: "vars", status: "ok", detail: "do not contradict", latency_ms: 0 },
    ],
  });

  it("shows what is wrong and what to do, and ends with 1", async () => {
    const { code, stdout } = await runFake(["doctor"], { edge: () => answer(report("fail", "mend it")) });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL d1:SESSIONS_DB +told\n +-> mend it\n2 well, 0 warnings, 1 failures; version v1, abc\n$/);
  });

  it("ends with 0 for warnings", async () => {
    expect((await runFake(["doctor"], { edge: () => answer(report("warn", "look")) })).code).toBe(0);
  });

  it.each([
    [0, "ok"],
    [-10_000, "warn"],
    [10_000, "warn"],
    [-600_000, "fail"],
  ])("a server's clock %i ms off is %s", (offMs, status) => {
    expect(compareClocks(1_000_000 + offMs, { askedMs: 999_900, answeredMs: 1_000_100 }).status).toBe(status);
  });
});

describe("health", () => {
  const health = (status: string) => () =>
    Response.json(
      { status, checks: { inbox: { status: "down", latency_ms: 3, reason: "timeout" } } },
      { status: status === "unhealthy" ? 503 : 200 },
    );

  it.each([
    ["healthy", 0],
    ["degraded", 1],
    ["unhealthy", 1],
  ])("%s ends with %i, and its checks are shown", async (status, exit) => {
    const { code, stdout } = await runFake(["health"], { edge: health(status) });
    expect([code, stdout.startsWith(`${status}\n`), stdout.includes("timeout")]).toEqual([exit, true, true]);
  });

  it("of what is no edge, or is away, or hangs, is told as that", async () => {
    expect((await runFake(["health"], { edge: () => new Response("<html>") })).stderr).toContain("NO_EDGE");
    expect((await runFake(["health"], { edge: () => Promise.reject(new TypeError("fetch failed")) })).code).toBe(3);
    const stuck = await runFake(["health", "--timeout", "0.05"], { edge: () => new Promise<Response>(() => undefined) });
    expect([stuck.code, stuck.stderr.includes("within 0.05 s")]).toEqual([3, true]);
  });
});

it("cost shows each line with its basis, and what is left out", async () => {
  const bill = {
    from: "2026-11-24T11:00:00.000Z",
    to: "2026-11-24T12:00:00.000Z",
    prices_read_on: "2026-11",
    events: 10,
    lines: [{ service: "Queues", operation: "hot-cache", basis: "derived", operations: 300, dollars: 0.00012 }],
    dollars: { counted: 0, derived: 0.00012, total: 0.00012, per_hour: 0.00012 },
    not_counted: ["CPU time"],
    unreachable: ["metrics"],
  };
  const { stdout, stderr, asked } = await runFake(["cost", "--hours", "2"], { edge: () => answer(bill) });
  expect(asked[0]?.url.search).toBe("?hours=2");
  expect(stdout).toMatch(/Queues +hot-cache +300 +0.000120 +derived/);
  expect(stdout).toContain("CPU time");
  expect(stderr).toContain("metrics");
});

describe("deploy", () => {
  const deploy = (code: number, argv: readonly string[] = []) => {
    const ran: (readonly string[])[] = [];
    const runProgram = async (program: readonly string[]): Promise<number> => (ran.push(program), code);
    return runFake(["deploy", "all", ...argv], { runProgram, root: "/tree" }).then((ended) => ({ ...ended, ran }));
  };

  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [137, 1],
  ])("that ends with %i ends with %i", async (code, exit) => {
    expect((await deploy(code)).code).toBe(exit);
  });

  it("runs the deploying program with the options it was given", async () => {
    const { ran } = await deploy(0, ["--env", "production", "--dry-run", "--url", "https://e", "--wait", "5"]);
    expect(ran).toEqual([
      [process.execPath, "/tree/deploy/index.ts", "all", "--env", "production", "--dry-run", "--url", "https://e", "--wait", "5"],
    ]);
    expect(existsSync(join(import.meta.dirname, "../../deploy/index.ts"))).toBe(true);
  });

  it("of a part that there is not runs nothing", async () => {
    expect((await runFake(["deploy", "everything"])).code).toBe(2);
  });
});
