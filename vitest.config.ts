/** Two projects: everything of the edge runs in real workerd, the demo's converter and the tools run in Node. */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const databases = ["opportunities", "strategies", "metrics", "sessions"] as const;

function consumer(maxBatchSize: number): object {
  return { maxBatchSize, maxBatchTimeout: 1, maxRetries: 100, deadLetterQueue: "arbitragex-dead-letter" };
}

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
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
                MIGRATIONS: Object.fromEntries(
                  await Promise.all(
                    databases.map(async (name) => [name, await readD1Migrations(`./schemas/d1/migrations/${name}`)] as const),
                  ),
                ),
              },
            },
          })),
        ],
        test: {
          name: "workerd",
          include: ["**/*.test.ts"],
          exclude: [
            "node_modules/**",
            "demo/**",
            "tools/**",
            "bench/**",
            "simulate/**",
            "sdk/**",
            "tests/e2e/**",
            "tests/browser/**",
            "dist/**",
            ".local/**",
          ],
          setupFiles: ["./tests/support/setup.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "node",
          include: ["demo/**/*.test.ts", "tools/**/*.test.ts", "bench/**/*.test.ts", "simulate/**/*.test.ts", "sdk/**/*.test.ts"],
          environment: "node",
        },
      },
    ],
  },
});
