/** A deployment as an operator runs it, against a stand-in of the Cloudflare API: twice is once, what fails goes back, nothing is half-done. The
 *  pinned wrangler does the uploading; the smoke test asks an edge that really runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CloudflareStandIn } from "./cloudflare/api.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const root = join(import.meta.dirname, "..", "..");
const secrets = {
  INGEST_API_KEYS: "ingest-key-of-this-test-0001",
  JWT_SECRET: "jwt-secret-of-this-test-that-is-long-enough",
  OPS_API_KEY: "ops-key-of-this-test-0001",
};

let cloudflare: CloudflareStandIn;
let edge: EdgeProcess;
beforeAll(async () => {
  cloudflare = await CloudflareStandIn.start();
  const variables = Object.entries(secrets).flatMap(([name, value]) => ["--var", `${name}=${value}`]);
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState(), ...variables])).healthy();
});
afterAll(async () => {
  cloudflare.end();
  await edge.end("SIGTERM");
});

async function deploy(args: readonly string[], values: Readonly<Record<string, string>> = {}): Promise<{ code: number; output: string }> {
  const env = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    CLOUDFLARE_API_BASE_URL: cloudflare.url,
    CLOUDFLARE_API_TOKEN: "stand-in-token",
    CLOUDFLARE_ACCOUNT_ID: "a".repeat(32),
    ...secrets,
    ...values,
  };
  const child = spawn(process.execPath, ["deploy/index.ts", ...args], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const [code] = (await once(child, "exit")) as [number];
  return { code, output };
}

it("names everything that is missing at once, shows no secret, and asks nothing of the account", async () => {
  const { code, output } = await deploy(["all"], {
    CLOUDFLARE_API_TOKEN: "",
    CLOUDFLARE_ACCOUNT_ID: "mine",
    JWT_SECRET: "too-short",
    OPS_API_KEY: "",
    EDGE_DOMAIN: "https://edge.test",
  });
  expect(code).toBe(2);
  for (const name of ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "JWT_SECRET", "OPS_API_KEY", "EDGE_DOMAIN"])
    expect(output).toContain(`- ${name}:`);
  expect(output).not.toContain("too-short");
  expect(cloudflare.calls).toEqual([]);
});

it("refuses to deploy the development secrets", async () => {
  const { code, output } = await deploy(["all"], { OPS_API_KEY: "dev-ops-key-0001" });
  expect(code).toBe(2);
  expect(output).toContain("OPS_API_KEY: is the development secret");
});

it("says with a wrong token that Cloudflare refuses, and creates nothing", async () => {
  const { code, output } = await deploy(["all"], { CLOUDFLARE_API_TOKEN: "another-token" });
  expect(code).toBe(1);
  expect(output).toMatch(/Cloudflare refused GET .*403 Authentication error/);
  expect(cloudflare.writes()).toEqual([]);
});

it("prints the plan of a dry run and changes nothing", async () => {
  const { code, output } = await deploy(["all", "--env", "production", "--dry-run"]);
  expect(code).toBe(0);
  expect(output).toContain("create  d1 arbitragex-opportunities-cache\n");
  expect(output).toContain("create  queue arbitragex-dead-letter\n");
  expect(output).toMatch(/\d+ changes would be made/);
  expect(cloudflare.writes()).toEqual([]);
});

it("creates what is missing under the seed's names, migrates, uploads code with its secrets, and finds it working", async () => {
  // Busy at first: asked again.
  cloudflare.busy = 2;
  const { code, output } = await deploy(["all", "--env", "production", "--url", edge.url, "--wait", "1"]);
  expect(output).toContain("changes made");
  expect(code).toBe(0);
  expect(cloudflare.unknown).toEqual([]);
  expect([...cloudflare.resources.databases.values()].map(({ name }) => name).toSorted()).toEqual(
    ["metrics", "opportunities", "sessions", "strategies"].map((name) => `arbitragex-${name}-cache`),
  );
  expect([...cloudflare.resources.buckets.keys()].toSorted()).toEqual([
    "arbitragex-backend-assets",
    "arbitragex-config-backups",
    "arbitragex-edge-logs",
  ]);
  expect([...cloudflare.resources.namespaces.values()]).toEqual(
    expect.arrayContaining(["arbitragex-edge-API_CACHE", "arbitragex-edge-CONFIG_CACHE", "arbitragex-edge-SESSIONS"]),
  );
  const queues = [...cloudflare.resources.queues.values()];
  expect(queues.map(({ name }) => name)).toContain("arbitragex-dead-letter");
  for (const { name, consumers } of queues) {
    const deadLetter = name === "arbitragex-dead-letter" ? undefined : "arbitragex-dead-letter";
    expect(consumers, name).toEqual([expect.objectContaining({ script_name: "arbitragex-edge" })]);
    expect((consumers[0] as { dead_letter_queue?: string }).dead_letter_queue, name).toBe(deadLetter);
  }
  for (const rules of cloudflare.resources.buckets.values()) {
    expect(rules).toMatchObject({
      rules: [{ id: "abort-unfinished-uploads", abortMultipartUploadsTransition: { condition: { type: "Age", maxAge: 604_800 } } }],
    });
  }
});

it("leaves databases with the newest schema", () => {
  const folder = join(root, "schemas", "d1", "migrations");
  for (const { name, sql } of cloudflare.resources.databases.values()) {
    const files = readdirSync(join(folder, name.replace(/^arbitragex-(.*)-cache$/, "$1"))).filter((file) => file.endsWith(".sql"));
    expect(
      sql
        .prepare("SELECT name FROM d1_migrations ORDER BY name")
        .all()
        .map((row) => row["name"]),
    ).toEqual(files.toSorted());
  }
});

it("uploads one version with every binding, secret and variable, as the account names them", () => {
  expect(cloudflare.versions.all).toHaveLength(1);
  const bindings = cloudflare.versions.all[0]?.metadata["bindings"] as {
    type: string;
    name: string;
    text?: string;
    namespace_id?: string;
    database_id?: string;
    id?: string;
  }[];
  const named = (type: string): string[] => bindings.filter((binding) => binding.type === type).map(({ name }) => name);
  expect(named("secret_text").toSorted()).toEqual(Object.keys(secrets).toSorted());
  expect(named("d1").toSorted()).toEqual(["METRICS_DB", "OPPORTUNITIES_DB", "SESSIONS_DB", "STRATEGIES_DB"]);
  expect(named("durable_object_namespace")).toEqual(expect.arrayContaining(["CHANNELS", "RELAYS", "UPSTREAMS"]));
  expect(named("queue")).toEqual(expect.arrayContaining(["INBOX", "HOT_CACHE", "EVENT_LOG", "DEAD_LETTER"]));
  for (const { namespace_id } of bindings.filter(({ type }) => type === "kv_namespace"))
    expect([...cloudflare.resources.namespaces.keys()]).toContain(namespace_id);
  expect(bindings.find(({ name }) => name === "ENVIRONMENT")?.text).toBe("production");
  expect(readdirSync(join(root, ".local")).filter((name) => name.startsWith("secrets-"))).toEqual([]);
});

it("changes nothing the second time, and still asks whether the edge works", async () => {
  const from = cloudflare.calls.length;
  const { code, output } = await deploy(["all", "--env", "production", "--url", edge.url, "--wait", "1"]);
  expect(output).toContain("nothing had to change");
  expect(output).toContain("it is healthy");
  expect(code).toBe(0);
  expect(cloudflare.writes(from)).toEqual([]);
});

it("keeps the seed's addresses alive by a Pages project that forwards to the edge, once", async () => {
  const pages = (): Promise<{ code: number; output: string }> =>
    deploy(["pages", "--env", "production"], { EDGE_PAGES_PROJECT: "arbitragex" });
  expect((await pages()).code).toBe(0);
  expect((await pages()).output).toContain("nothing had to change");
  const [deployment, ...others] = cloudflare.pages.projects.get("arbitragex") ?? [];
  expect(others).toEqual([]);
  expect(deployment?.form["_worker.bundle"]).toMatch(/"name":"EDGE"[^}]*"service":"arbitragex-edge"/);
  expect(cloudflare.unknown).toEqual([]);
});

it("goes back to the version before when the new one does not work", async () => {
  const before = cloudflare.versions.served;
  const { code, output } = await deploy(["worker", "--env", "production", "--url", edge.url, "--wait", "1"], {
    OPS_API_KEY: "another-ops-key-0002",
  });
  expect(code).toBe(1);
  expect(output).toContain("operators get in");
  expect(output).toContain("serves again");
  expect(output).not.toContain("another-ops-key-0002");
  expect(cloudflare.versions.all).toHaveLength(2);
  expect(cloudflare.versions.served).toBe(before);
});

it("gives staging names of its own beside production's", async () => {
  const { code } = await deploy(["kv", "--env", "staging"]);
  expect(code).toBe(0);
  expect(
    [...cloudflare.resources.namespaces.values()].filter((title) => title.startsWith("arbitragex-edge-staging-")).length,
  ).toBeGreaterThan(2);
});

it.each([["--help"], ["all", "--env", "nowhere"], ["unheard-of"], ["smoke", "--wait", "soon"]])(
  "is clear about %s %s %s",
  async (...args) => {
    const { code, output } = await deploy(args);
    expect(code).toBe(args[0] === "--help" ? 0 : 2);
    expect(output).toMatch(/Usage: deploy|Allowed choices|unknown command|whole number/);
  },
);

it("has the seed's scripts, each executable", () => {
  for (const name of ["setup-d1.sh", "setup-kv.sh", "setup-r2.sh", "deploy-workers.sh"])
    expect(() => accessSync(join(root, "deploy", name), constants.X_OK), name).not.toThrow();
});
