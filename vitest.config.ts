/** Two projects: everything of the edge runs in real workerd, the demo's converter and the tools run in Node. */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const databases = ["opportunities", "strategies", "metrics", "sessions"] as const;

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
            main: "./tests/support/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
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
          exclude: ["node_modules/**", "demo/**", "tools/**", "bench/**", "tests/e2e/**", "dist/**", ".local/**"],
          setupFiles: ["./tests/support/setup.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: { name: "node", include: ["demo/**/*.test.ts", "tools/**/*.test.ts", "bench/**/*.test.ts"], environment: "node" },
      },
    ],
  },
});
