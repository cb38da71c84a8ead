/** Which edge is meant, with whose keys, and what a file of keys may look like. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { findTarget } from "./profiles.ts";
import { parseProfiles } from "./profile-file.ts";
import { nowhere, runFake } from "./testing/fake-world.ts";

let home: string;
let path: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "arbx-home-"));
  path = join(home, ".config", "arbx", "profiles.json");
});

function store(file: object, mode = 0o600): void {
  mkdirSync(join(home, ".config", "arbx"), { recursive: true });
  writeFileSync(path, JSON.stringify(file));
  chmodSync(path, mode);
}

const production = { url: "https://edge.example.com", key: "production-key", ingest_key: "production-ingest-key" };
const target = (env: Record<string, string> = {}, wanted?: string) => findTarget({ env, home, root: nowhere }, wanted);

describe("the edge that is meant", () => {
  it("is the local one without anything said, with the development keys of the working tree", () => {
    writeFileSync(join(home, ".dev.vars.example"), "OPS_API_KEY=dev-ops\nINGEST_API_KEYS=dev-one,dev-two\n");
    const local = findTarget({ env: {}, home, root: home }, undefined);
    expect(local).toEqual({ name: "local", url: "http://localhost:8787", key: "dev-ops", ingestKey: "dev-one" });
  });

  it("is the profile in use, the one of ARBX_PROFILE, or the one of --profile, each before the former", () => {
    const staging = { url: "https://staging.example.com", key: "staging-key" };
    const third = { url: "https://third.example.com" };
    store({ v: 1, current: "production", profiles: { production, staging, third } });
    expect(target()).toMatchObject({ name: "production", key: "production-key" });
    expect(target({ ARBX_PROFILE: "staging" })).toMatchObject({ name: "staging", key: "staging-key" });
    expect(target({ ARBX_PROFILE: "staging" }, "third")).toEqual({ name: "third", url: third.url });
  });

  it("given by ARBX_URL never gets the keys of a profile, nor an edge elsewhere the development keys", () => {
    store({ v: 1, current: "production", profiles: { production } });
    writeFileSync(join(home, ".dev.vars.example"), "OPS_API_KEY=dev-ops\n");
    const elsewhere = findTarget({ env: { ARBX_URL: "https://other.example.com" }, home, root: home }, undefined);
    expect(elsewhere).toEqual({ name: "environment", url: "https://other.example.com" });
    expect(target({}, "production")).not.toMatchObject({ key: "dev-ops" });
  });

  it.each(["edge.example.com", "ftp://edge.example.com", "https://me:secret@edge.example.com"])("is not %s", (url) => {
    expect(() => target({ ARBX_URL: url })).toThrow("ARBX_URL must");
  });

  it("is named with those that are known when it is not among them", () => {
    store({ v: 1, profiles: { production } });
    expect(() => target({}, "prod")).toThrow('there is no profile "prod"');
  });
});

describe("the file of profiles", () => {
  it.each([0o644, 0o640, 0o602])("that others can touch (mode %o) is refused, with the line that mends it", async (mode) => {
    store({ v: 1, current: "production", profiles: { production } }, mode);
    const ended = await runFake(["channels"], { home, env: {} });
    expect([ended.code, ended.asked]).toEqual([4, []]);
    expect(ended.stderr).toContain(`chmod 600 ${path}`);
  });

  it.each(["", "[]", "{}", '{"v":2,"profiles":{}}', '{"v":1,"profiles":{"a":{}}}', '{"v":1,"profiles":{"a":{"url":"x"}}}'])(
    "is not %s",
    (text) => {
      expect(parseProfiles(text)).toBeUndefined();
    },
  );

  it("that is none is named, and not overwritten", async () => {
    store({ v: 9 });
    const ended = await runFake(["profile", "add", "x", "--url", "https://x.example.com"], { home, env: {}, stdin: "key\n" });
    expect(ended.code).toBe(2);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ v: 9 });
  });
});

describe("arbx profile", () => {
  const run = (argv: readonly string[], stdin = "") => runFake(["profile", ...argv], { home, env: {}, stdin });

  it("add stores an edge with the keys of stdin, for its owner alone, and the first one is in use", async () => {
    const ended = await run(["add", "production", "--url", "https://edge.example.com/"], "a-key\nan-ingest-key\n");
    expect([ended.code, ended.stdout]).toEqual([0, "production is stored and in use\n"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(target()).toEqual({ name: "production", url: "https://edge.example.com", key: "a-key", ingestKey: "an-ingest-key" });
    await run(["add", "staging", "--url", "https://staging.example.com"], "other-key\n");
    expect(target().name).toBe("production");
    await run(["use", "staging"]);
    expect(target().name).toBe("staging");
    await run(["remove", "staging"]);
    expect(target().name).toBe("local");
  });

  it("list never shows a key", async () => {
    store({ v: 1, current: "production", profiles: { production } });
    const shown = `${(await run(["list"])).stdout}${(await run(["list", "--json"])).stdout}`;
    expect(shown).toContain("production");
    expect(shown).not.toContain("production-key");
    expect(shown).not.toContain("production-ingest-key");
  });

  it.each([
    [["add", "x"], "required option '--url"],
    [["add", "../x", "--url", "https://x.example.com"], "a name is"],
    [["add", "x", "--url", "http://x.example.com"], "in the clear"],
    [["add", "x", "--url", "https://x.example.com"], "no key on stdin"],
    [["use", "x"], "there is no profile"],
    [["remove", "x"], "there is no profile"],
  ])("%j changes nothing", async (argv, reason) => {
    const ended = await run(argv);
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain(reason);
    expect(existsSync(path)).toBe(false);
  });
});
