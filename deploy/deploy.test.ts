import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deployConfig } from "./config.ts";
import type { RawConfig } from "./config.ts";
import { readValues, settingsOf, SettingsError } from "./environment.ts";
import type { Settings } from "./environment.ts";
import { fingerprint } from "./fingerprint.ts";
import { keyOf, missing, nameIn, resourcesOf } from "./resources.ts";
import { smoke, smokeChecks } from "./smoke.ts";

const vars = {
  ENVIRONMENT: "production",
  JWT_ISSUER: "edge",
  JWT_AUDIENCE: "edge",
  REGIONS: "weur",
  CHANNEL_HOME: "weur",
  JWT_EXPIRY: "3600",
};
const values = {
  CLOUDFLARE_API_TOKEN: "token",
  CLOUDFLARE_ACCOUNT_ID: "a".repeat(32),
  INGEST_API_KEYS: "ingest-key",
  JWT_SECRET: "j".repeat(32),
  OPS_API_KEY: "ops-key",
};
const base: RawConfig = {
  name: "edge",
  main: "worker.ts",
  compatibility_date: "2026-11-01",
  d1_databases: [{ binding: "DB", database_name: "edge-db", migrations_dir: "migrations" }],
  kv_namespaces: [{ binding: "CACHE" }],
  r2_buckets: [{ binding: "LOGS", bucket_name: "edge-logs" }],
  queues: { producers: [{ binding: "IN", queue: "edge-in" }], consumers: [{ queue: "edge-in", dead_letter_queue: "edge-dead" }] },
};

describe("settings", () => {
  it("take a variable of wrangler.toml from the environment where it is given, and a blank one as not given", () => {
    const settings = settingsOf("staging", vars, { ...values, JWT_EXPIRY: "60", REGIONS: " ", UNKNOWN: "x", WEBHOOK_SECRET: "" });
    expect(settings.vars).toEqual({ ...vars, JWT_EXPIRY: "60" });
    expect(Object.keys(settings.secrets)).toEqual(["INGEST_API_KEYS", "JWT_SECRET", "OPS_API_KEY"]);
  });

  it("are refused by what the Worker itself would refuse", () => {
    expect(() => settingsOf("staging", vars, { ...values, JWT_EXPIRY: "soon" })).toThrow(/JWT_EXPIRY/);
    expect(() => settingsOf("staging", vars, { ...values, JWT_SECRET: "dev-jwt-secret-not-for-production-0001" })).toThrow(SettingsError);
  });

  it("never deploy a Worker that calls itself development", () => {
    expect(settingsOf("staging", { ...vars, ENVIRONMENT: "development" }, values).vars["ENVIRONMENT"]).toBe("production");
  });

  it("come from .env, over it the environment's own file, over both the process", () => {
    const folder = mkdtempSync(join(tmpdir(), "edge-settings-"));
    writeFileSync(join(folder, ".env"), "A=1\nB=1\nC=1\n");
    writeFileSync(join(folder, ".env.staging"), "B=2\nC=2\n");
    expect(readValues(folder, "staging", { C: "3" })).toMatchObject({ A: "1", B: "2", C: "3" });
    expect(readValues(folder, "production", {})).toMatchObject({ A: "1", B: "1", C: "1" });
  });
});

describe("resources", () => {
  it("name each queue once, dead-letter queues included", () => {
    expect(resourcesOf(base, "production").map(keyOf)).toEqual([
      "d1 edge-db",
      "kv edge-CACHE",
      "r2 edge-logs",
      "queue edge-in",
      "queue edge-dead",
    ]);
  });

  it("are created where they are missing only, whatever else the account holds", () => {
    const existing = new Map([
      ["d1 edge-db", "1"],
      ["kv somebody-CACHE", "2"],
    ]);
    expect(missing(resourcesOf(base, "production"), existing).map(keyOf)).not.toContain("d1 edge-db");
    expect(missing(resourcesOf(base, "production"), existing).map(keyOf)).toContain("kv edge-CACHE");
  });

  it("never share a name between environments", () => {
    const [staging, production] = [resourcesOf(base, "staging").map(keyOf), resourcesOf(base, "production").map(keyOf)];
    expect(staging.filter((name) => production.includes(name))).toEqual([]);
    expect(nameIn("production", "edge")).toBe("edge");
  });
});

describe("the configuration that is deployed", () => {
  const settings: Settings = settingsOf("staging", vars, values);
  const existing = new Map([
    ["d1 edge-db-staging", "id-of-db"],
    ["kv edge-staging-CACHE", "id-of-cache"],
  ]);

  it("has the environment's names, ids and paths from the root", () => {
    expect(deployConfig(base, settings, { existing, root: "/root" })).toMatchObject({
      name: "edge-staging",
      main: "/root/worker.ts",
      workers_dev: true,
      d1_databases: [{ binding: "DB", database_name: "edge-db-staging", database_id: "id-of-db", migrations_dir: "/root/migrations" }],
      kv_namespaces: [{ binding: "CACHE", id: "id-of-cache" }],
      queues: { consumers: [{ queue: "edge-in-staging", dead_letter_queue: "edge-dead-staging" }] },
    });
  });

  it("answers under the owner's domain instead of workers.dev where there is one", () => {
    const own = settingsOf("staging", vars, { ...values, EDGE_DOMAIN: "edge.test.example" });
    expect(deployConfig(base, own, { existing, root: "/" })).toMatchObject({
      workers_dev: false,
      routes: [{ pattern: "edge.test.example", custom_domain: true }],
    });
  });

  it("is not made with an id that is not known", () => {
    expect(() => deployConfig(base, settings, { existing: new Map(), root: "/" })).toThrow("d1 edge-db-staging does not exist");
  });
});

describe("the tag of a version", () => {
  const settings = settingsOf("staging", vars, values);
  const tag = fingerprint("code", { a: 1 }, settings);

  it("is the same for the same code, configuration and secrets", () => {
    expect(fingerprint("code", { a: 1 }, settings)).toBe(tag);
    expect(tag.length).toBeLessThanOrEqual(25);
  });

  it("differs when any of them does", () => {
    expect(fingerprint("code", { a: 2 }, settings)).not.toBe(tag);
    expect(fingerprint("other", { a: 1 }, settings)).not.toBe(tag);
    expect(fingerprint("code", { a: 1 }, settingsOf("staging", vars, { ...values, OPS_API_KEY: "other" }))).not.toBe(tag);
  });
});

it("finds an edge that is out of reach not working, check by check", async () => {
  const results = await smoke("http://127.0.0.1:9", smokeChecks({ secrets: values }), { attempts: 2, pauseMs: 1 });
  expect(results.length).toBeGreaterThan(5);
  for (const { problem } of results) expect(problem).toMatch(/fetch failed/);
});
