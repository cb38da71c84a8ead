/** What operators do to a living edge by the program: part of arbx.test.ts, which starts the edge. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Arbx } from "./arbx-process.ts";

const parsed = <T>(text: string): T => JSON.parse(text) as T;

interface Replay {
  readonly id: string;
  readonly state: string;
  readonly progress: { readonly matched: number; readonly sent: number };
}

/** `alerts` holds events by then. */
export function describeOperations(arbxOf: () => Arbx): void {
  const ask = (...args: readonly string[]) => arbxOf().run(args);

  it("a backup is made, proved, compared, restored and deleted, and nothing of it by a slip", async () => {
    const made = await ask("backup", "create", "--part", "kv:CONFIG_CACHE", "--comment", "e2e", "--json");
    expect(made.code, made.stderr).toBe(0);
    const { id } = parsed<{ id: string }>(made.stdout);
    expect((await ask("backup", "list")).stdout).toContain(id);
    expect(await ask("backup", "verify", id)).toMatchObject({ code: 0, stdout: expect.stringContaining("ok    kv:CONFIG_CACHE") });
    expect(await ask("restore", id)).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing was changed") });
    expect((await ask("restore", id, "--yes", "other")).code).toBe(2);
    expect((await ask("restore", id, "--yes", id)).code).toBe(0);
    expect((await ask("backup", "delete", id)).code).toBe(2);
    expect((await ask("backup", "delete", id, "--yes", id)).code).toBe(0);
    expect((await ask("backup", "show", id)).code).toBe(5);
  });

  it("an asset goes up and comes down byte for byte", async () => {
    const { home } = arbxOf();
    writeFileSync(join(home, "up.svg"), "<svg/>");
    expect(await ask("assets", "put", "up.svg", "e2e/logo.svg")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("/assets/e2e/logo.svg"),
    });
    writeFileSync(join(home, "up.svg"), "<svg>2</svg>");
    expect((await ask("assets", "put", "up.svg", "e2e/logo.svg")).code).toBe(6);
    expect((await ask("assets", "put", "up.svg", "e2e/logo.svg", "--replace")).code).toBe(0);
    expect((await ask("assets", "get", "e2e/logo.svg", "--output", "down.svg")).code).toBe(0);
    expect(readFileSync(join(home, "down.svg"), "utf8")).toBe("<svg>2</svg>");
    expect((await ask("assets", "ls", "e2e/")).stdout).toContain("e2e/logo.svg");
    expect((await ask("assets", "rm", "e2e/logo.svg")).code).toBe(0);
    expect((await ask("assets", "get", "e2e/logo.svg")).code).toBe(5);
  });

  it("rules are tried out before they hold, and bans hold until they are lifted", async () => {
    const { home } = arbxOf();
    writeFileSync(join(home, "rules.json"), JSON.stringify([{ id: "e2e", action: "block", user_agents: ["nobody"] }]));
    const tried = await ask("firewall", "test", "rules.json", "--user-agent", "nobody at all");
    expect(tried).toMatchObject({ code: 0, stdout: expect.stringContaining("block by e2e; now: none") });
    expect((await ask("firewall", "set", "rules.json", "--comment", "e2e")).code).toBe(0);
    expect((await ask("firewall", "set", "rules.json", "--comment", "e2e", "--version", "0")).code).toBe(6);
    expect((await ask("firewall", "show")).stdout).toContain("agent nobody");
    expect((await ask("bans", "add", "198.51.100.7", "--reason", "e2e", "--for", "5m")).code).toBe(0);
    expect((await ask("bans", "list")).stdout).toContain("198.51.100.7");
    expect((await ask("bans", "remove", "198.51.100.7")).code).toBe(0);
    expect((await ask("limits", "show")).stdout).toContain("operator");
  });

  it("the edge is well, says so, and knows what it cost", async () => {
    expect(await ask("health")).toMatchObject({ code: 0, stdout: expect.stringContaining("healthy") });
    const doctor = await ask("doctor", "--all");
    expect(doctor.code, doctor.stdout).toBe(0);
    expect(doctor.stdout).toContain("workflow:COMPACTION");
    const { lines, events } = parsed<{ events: number; lines: readonly { service: string }[] }>((await ask("cost", "--json")).stdout);
    expect(events).toBeGreaterThan(0);
    expect(lines.map(({ service }) => service)).toContain("Durable Object rows written");
    expect((await ask("dead-letters", "list")).stdout).toBe("no dead letters\n");
  });

  it("deploying without a token ends with the deploying program's own code", async () => {
    // Stronger than what a file of the tree may name.
    const { code, stderr } = await arbxOf().start(["deploy", "all", "--dry-run"], { env: { CLOUDFLARE_API_TOKEN: "" } }).ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining("CLOUDFLARE_API_TOKEN")]);
  });

  it("each command ends with 3 when no edge answers and with 4 for a wrong key, without a result", async () => {
    const asking = ["replay list", "backup list", "restore b1", "assets ls", "firewall show", "bans list", "limits show", "doctor", "cost"];
    const ended = await Promise.all(
      [...asking, "dead-letters redrive --all"].map(async (line) => {
        const away = await arbxOf().run(line.split(" "), { env: { ARBX_URL: "http://127.0.0.1:1" } });
        const refused = await arbxOf().run(line.split(" "), { env: { ARBX_KEY: "wrong" } });
        return { line, codes: [away.code, refused.code], told: away.stdout + refused.stdout };
      }),
    );
    expect(ended.filter(({ codes, told }) => codes[0] !== 3 || codes[1] !== 4 || told !== "")).toEqual([]);
  });

  describe("a replay", () => {
    const window = ["--stream", "alerts", "--from", "1h", "--to", "now"];

    it("finds what was published, once the log has it", { timeout: 90_000 }, async () => {
      // Half a minute after an event at most (wrangler.toml), which has passed while the others ran.
      const stats = async (): Promise<number> => parsed<{ events: number }>((await ask("log", "stats", "alerts", "--json")).stdout).events;
      await expect.poll(stats, { timeout: 80_000, interval: 500 }).toBeGreaterThanOrEqual(5);
    });

    it("is counted first, then sent, and each is followed to its end", async () => {
      const counted = await ask("replay", "start", ...window, "--follow", "--json");
      expect(counted.code, counted.stderr).toBe(0);
      const { progress } = parsed<Replay>(counted.stdout);
      expect(progress.matched).toBeGreaterThan(0);
      expect(progress.sent).toBe(0);
      const sent = await ask("replay", "start", ...window, "--mode", "channel", "--follow", "--json");
      expect(sent.code, sent.stderr).toBe(0);
      expect(parsed<Replay>(sent.stdout).progress.sent).toBeGreaterThanOrEqual(progress.matched);
    });

    it("goes on after Ctrl-C, which says how to stop it, unless it was to be cancelled", async () => {
      const slow = ["replay", "start", ...window, "--mode", "channel", "--pace", "x0.1", "--follow"];
      const left = await interrupted(slow);
      expect(left.code).toBe(130);
      const [, id = ""] = /arbx replay cancel (\w+)/.exec(left.stderr) ?? [];
      expect(parsed<Replay>((await ask("replay", "show", id, "--json")).stdout).state).toMatch(/queued|running/);
      expect((await ask("replay", "cancel", id)).code).toBe(0);
      const cancelled = await interrupted([...slow, "--cancel-on-interrupt"]);
      expect([cancelled.code, cancelled.stderr]).toEqual([130, expect.stringContaining("was told to stop")]);
      expect((await ask("replay", "show", "nothing")).code).toBe(5);
    });

    async function interrupted(args: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }> {
      const following = arbxOf().start(args);
      await following.until(({ stderr }) => /replay \w+ is (queued|running)/.test(stderr));
      return await following.interrupt();
    }
  });
}
