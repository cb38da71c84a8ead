/** Everything of the edge runs in real workerd: tests that use bindings or objects in a worker of their own each, pure ones together in a
 *  few, which takes an eighth of the time. The demo's converter, the tools and the SDK run in Node. */
import { globSync, readFileSync } from "node:fs";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const databases = ["opportunities", "strategies", "metrics", "sessions"] as const;

function consumer(maxBatchSize: number): object {
  return { maxBatchSize, maxBatchTimeout: 1, maxRetries: 100, deadLetterQueue: "arbitragex-dead-letter" };
}

const inNode = ["demo/**", "deploy/**", "tools/**", "bench/**", "simulate/**", "ops/**", "sdk/**"];
const elsewhere = [...inNode, "node_modules/**", "tests/e2e/**", "tests/browser/**", "dist/**", ".local/**"];

/** Nothing of a test that touches neither bindings nor the tests' own Worker can reach another one. */
const isPure = (file: string): boolean =>
  !/"cloudflare:|support\/(?!(?:placed|publications|sent-events)\.ts)/.test(readFileSync(file, "utf8"));
const pure = globSync("**/*.test.ts", { exclude: elsewhere }).filter(isPure);

/** Packages of many modules, each bundled into one: without it every test's worker fetches and transforms all of theirs, which takes longer than
 *  most tests. */
const bundled = [
  "zod",
  "hono",
  "hono/factory",
  "hono/html",
  "hono/router/reg-exp-router",
  "hono/router/smart-router",
  "hono/router/trie-router",
  "jose",
  "cockatiel",
  "hyparquet",
  "hyparquet-writer",
  "superjson",
  "fast-check",
];
const deps = { optimizer: { ssr: { enabled: true, include: bundled } } };

const workerd = async () => ({
  main: "./tests/support/worker.ts",
  wrangler: { configPath: "./wrangler.toml" },
  miniflare: {
    // As in wrangler.toml but for the event log's thirty seconds, which no test should wait for.
    queueConsumers: {
      "arbitragex-inbox": consumer(10),
      "arbitragex-hot-cache": consumer(20),
      "arbitragex-event-log": consumer(100),
      "arbitragex-dead-letter": { maxBatchSize: 10, maxBatchTimeout: 1, maxRetries: 100 },
    },
    bindings: {
      // The development secrets, so that tests need no file outside the repository.
      ENVIRONMENT: "development",
      INGEST_API_KEYS: "test-ingest-key-1,test-ingest-key-2",
      JWT_SECRET: "test-jwt-secret-of-at-least-32-characters",
      OPS_API_KEY: "test-ops-key",
      PUBLIC_CHANNELS: "opportunities,market",
      LEGACY_VIEW: "full",
      // Tests ask from one address, thousands of times; what the limit does has tests of its own.
      RATE_LIMIT_REQUESTS: "10000000",
      MIGRATIONS: Object.fromEntries(
        await Promise.all(databases.map(async (name) => [name, await readD1Migrations(`./schemas/d1/migrations/${name}`)] as const)),
      ),
    },
  },
});

export default defineConfig({
  test: {
    // Many of these tests wait for timers, alarms and queues: one worker a core would leave the cores idle; a fourth gains nothing.
    maxWorkers: 3,
    projects: [
      {
        plugins: [cloudflareTest(workerd)],
        test: {
          name: "workerd",
          include: ["**/*.test.ts"],
          exclude: [...elsewhere, ...pure],
          setupFiles: ["./tests/support/setup.ts"],
          deps,
          testTimeout: 30_000,
        },
      },
      { plugins: [cloudflareTest(workerd)], test: { name: "pure", include: pure, isolate: false, deps } },
      { test: { name: "node", include: inNode.map((folder) => `${folder}/*.test.ts`), environment: "node" } },
    ],
  },
});
