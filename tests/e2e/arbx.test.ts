/** The operator's program against a started edge: what each command does there, and how it ends when the edge is away, the key is wrong, or
 *  somebody presses Ctrl-C. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeOperations } from "./arbx-ops.ts";
import { Arbx } from "./arbx-process.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const root = join(import.meta.dirname, "../..");

let edge: EdgeProcess;
let arbx: Arbx;
beforeAll(async () => {
  // Each tail mints a token, and a tenth of the limit is for minting: what the limit does has tests of its own.
  const variables = ["--var", "RATE_LIMIT_REQUESTS=100000"];
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState(), ...variables])).healthy();
  arbx = new Arbx({ ARBX_URL: edge.url, ARBX_KEY: "dev-ops-key-0001", ARBX_INGEST_KEY: "dev-ingest-key-0001" });
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

const alert = (id: string) => ({ id, type: "system.alert", data: { level: "info", message: id, timestamp: new Date().toISOString() } });
const linesOf = (...ids: readonly string[]): string => ids.map((id) => `${JSON.stringify(alert(id))}\n`).join("");
const eventsIn = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { epoch: string; offset: number; data: { message: string } });
const messagesIn = (stdout: string): string[] => eventsIn(stdout).map(({ data }) => data.message);

async function publish(...ids: readonly string[]): Promise<void> {
  const published = await arbx.run(["publish", "-"], { stdin: linesOf(...ids) });
  expect(published).toMatchObject({ code: 0, stdout: `${ids.length} durable, 0 rejected, 0 failed\n` });
}

describe("the program", () => {
  it("explains itself without an edge, a key or a profile", async () => {
    const { code, stdout, stderr } = await new Arbx({}).start(["log", "verify", "--help"]).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Usage: arbx log verify");
  });

  it("is reached through npm, which passes the exit code of an edge that does not answer on", async () => {
    const env = { ...process.env, ARBX_URL: "http://127.0.0.1:1" };
    const npm = promisify(execFile)("npm", ["run", "--silent", "arbx", "--", "channels"], { cwd: root, env });
    await expect(npm).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining("UNREACHABLE") });
  });

  it("ends with 4 for a wrong key", async () => {
    const { code, stdout, stderr } = await arbx.start(["channels", "--json"], { env: { ARBX_KEY: "wrong" } }).ended;
    expect([code, stdout]).toEqual([4, ""]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "UNAUTHORIZED", exit_code: 4, request_id: expect.any(String) } });
  });
});

const askers = [
  ["channels"],
  ["tail", "alerts"],
  ["log", "verify", "alerts"],
  ["config", "get"],
  ["publish", "-", "--give-up", "0.1"],
  ["holds", "list"],
];

it.each(askers.map((args) => [args]))("%j ends with 3 when no edge answers and with 4 for a wrong key, without a result", async (args) => {
  const stdin = linesOf("never");
  const away = await arbx.run([...args, "--json"], { env: { ARBX_URL: "http://127.0.0.1:1" }, stdin });
  const refused = await arbx.run([...args, "--json"], { env: { ARBX_KEY: "wrong", ARBX_INGEST_KEY: "wrong" }, stdin });
  const lastOf = (text: string): unknown => JSON.parse(text.trim().split("\n").at(-1) ?? "");
  expect([away.code, lastOf(away.stderr)]).toMatchObject([3, { error: { exit_code: 3 } }]);
  expect([refused.code, lastOf(refused.stderr)]).toMatchObject([4, { error: { code: "UNAUTHORIZED" } }]);
  // Of what was published nothing arrived, which is a result.
  const nothing = args[0] === "publish" ? { durable: 0, rejected: 0, failed: 1 } : "";
  for (const { stdout } of [away, refused]) expect(stdout === "" ? "" : JSON.parse(stdout)).toEqual(nothing);
});

describe("tail", () => {
  it("shows what is published, ends with 130 on Ctrl-C, and goes on exactly where it ended", async () => {
    const tail = arbx.start(["tail", "alerts", "--json"]);
    await tail.until(({ stderr }) => stderr.includes('"subscribed"'));
    await publish("one", "two");
    await tail.until(({ stdout }) => messagesIn(stdout).length === 2);
    const { code, stdout, stderr } = await tail.interrupt();
    expect(code).toBe(130);
    expect(messagesIn(stdout)).toEqual(["one", "two"]);
    const [, since = ""] =
      /--since (\S+)/.exec((JSON.parse(stderr.trim().split("\n").at(-1) ?? "") as { error: { advice: string } }).error.advice) ?? [];

    await publish("three", "four");
    const next = await arbx.run(["tail", "alerts", "--json", "--since", since, "--limit", "2"]);
    expect([next.code, messagesIn(next.stdout)]).toEqual([0, ["three", "four"]]);
  });

  it("announces what a position that is not of this stream has lost", async () => {
    const tail = arbx.start(["tail", "alerts", "--since", "elsewhere:7"]);
    await tail.until(({ stderr }) => stderr.includes("HOLE"));
    expect((await tail.interrupt()).code).toBe(130);
  });

  it("ends quietly when its reader has read enough", async () => {
    const command = `"${process.execPath}" "${join(root, "ops/index.ts")}" tail alerts --json --since 2 | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const env = { ...process.env, ARBX_URL: edge.url, ARBX_KEY: "dev-ops-key-0001" };
    const piped = promisify(execFile)("bash", ["-c", command], { env });
    // It learns of the closed pipe when it writes again.
    const fed = setInterval(
      () =>
        void fetch(`${edge.url}/api/events`, {
          method: "POST",
          headers: { "x-api-key": "dev-ingest-key-0001", "content-type": "application/json" },
          body: JSON.stringify([{ specversion: "1.0", source: "e2e", time: new Date().toISOString(), ...alert(crypto.randomUUID()) }]),
        }),
      300,
    );
    const { stdout } = await piped.finally(() => clearInterval(fed));
    expect(stdout.trim().split("\n").at(-1)).toBe("0");
  });
});

it("publish that is interrupted while it waits for input ends with 130 and says what is durable", async () => {
  const publishing = arbx.start(["publish", "-"], { stdin: linesOf("kept"), keepsStdin: true });
  await vi.waitFor(
    async () => expect(messagesIn((await arbx.run(["tail", "alerts", "--json", "--since", "1", "--limit", "1"])).stdout)).toEqual(["kept"]),
    {
      timeout: 20_000,
    },
  );
  const { code, stderr } = await publishing.interrupt();
  expect(code).toBe(130);
  // Its answer may have come with the interrupt.
  expect(stderr).toMatch(/[01] events are durable/);
});

describe("what operators change", () => {
  it("is changed by config set, refused when it cannot be, and taken back by rollback", async () => {
    const set = await arbx.run(["config", "set", "under_attack", "true", "--comment", "drill", "--json"]);
    const { version } = JSON.parse(set.stdout) as { version: number };
    expect((await arbx.run(["config", "get", "under_attack"])).stdout).toBe("true\n");
    const refused = await arbx.run(["config", "set", "under_attack", "perhaps"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("under_attack") });
    await arbx.run(["config", "set", "under_attack", "false"]);
    expect((await arbx.run(["config", "rollback", String(version)])).code).toBe(0);
    expect((await arbx.run(["config", "get", "under_attack"])).stdout).toBe("true\n");
    expect((await arbx.run(["config", "set", "under_attack", "false"])).code).toBe(0);
    expect((await arbx.run(["config", "history"])).stdout).toContain("drill");
    expect((await arbx.run(["config", "rollback", "999999"])).code).toBe(5);
  });

  it("is what the cache forgets", async () => {
    expect(await arbx.run(["cache", "purge", "--tag", "opportunities"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("forgotten"),
    });
    expect((await arbx.run(["cache", "purge", "--tag", "nothing"])).code).toBe(2);
  });

  it("is what of the log may not expire", async () => {
    expect((await arbx.run(["holds", "add", "case-17", "--reason", "audit", "--stream", "alerts", "--from", "1d"])).code).toBe(0);
    expect(JSON.parse((await arbx.run(["holds", "list", "--json"])).stdout)).toMatchObject([
      { name: "case-17", reason: "audit", stream: "alerts" },
    ]);
    expect((await arbx.run(["holds", "remove", "case-17"])).code).toBe(0);
    expect((await arbx.run(["holds", "list"])).stdout).toBe("nothing is held\n");
  });
});

it("a token that was minted holds, and hears what it may and nothing else", async () => {
  await publish("before the token", "for the token");
  const { code, stdout: token } = await arbx.run(["token", "mint", "--sub", "me", "--channel", "alerts=subscribe", "--ttl", "60"]);
  expect(code).toBe(0);
  const inspected = await arbx.run(["token", "inspect", "--json"], { stdin: token });
  expect(JSON.parse(inspected.stdout)).toMatchObject({ active: true, claims: { sub: "me", channels: { alerts: ["subscribe"] } } });
  const env = { ARBX_KEY: token.trim() };
  expect((await arbx.run(["tail", "alerts", "--since", "1", "--limit", "1"], { env })).code).toBe(0);
  expect((await arbx.run(["tail", "executions"], { env })).code).toBe(4);
  expect((await arbx.run(["channels"], { env })).code).toBe(4);
  const broken = await arbx.run(["token", "inspect"], { stdin: `${token.trim()}x` });
  expect(broken.code).toBe(1);
});

it("channels and log tell of a living edge", async () => {
  const channels = JSON.parse((await arbx.run(["channels", "--json"])).stdout) as { stream: string; top: number }[];
  expect(channels.find(({ stream }) => stream === "alerts")?.top).toBeGreaterThan(0);
  for (const part of ["ls", "cat", "stats", "verify"]) expect((await arbx.run(["log", part, "alerts"])).code, part).toBe(0);
});

describeOperations(() => arbx);
