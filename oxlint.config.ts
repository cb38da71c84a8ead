/** Lint rules: what no reviewer should have to say. The import directions and the single doors (storage, objects, acks) are tables here;
 *  each message says what to do instead. */
import { defineConfig } from "oxlint";
import type { OxlintOverride } from "oxlint";

/** Who may import whom, in the order of an event's journey; schemas/ and platform/ are everybody's. `stubs` is durable-objects/stubs.ts. */
const imports: Readonly<Record<string, readonly string[]>> = {
  schemas: ["platform"],
  platform: ["schemas"],
  channels: ["schemas", "platform"],
  stores: ["schemas", "platform"],
  // A relay checks tokens against the revocations itself: nobody could hand them to it.
  "durable-objects": ["stores", "channels", "schemas", "platform"],
  consumers: ["stores", "stubs", "channels", "schemas", "platform"],
  // A replay publishes into a channel.
  workflows: ["stores", "stubs", "channels", "schemas", "platform"],
  producers: ["stubs", "channels", "schemas", "platform"],
  gateway: ["producers", "stores", "stubs", "channels", "schemas", "platform"],
};

/** What to do instead of importing from there. */
const instead: Readonly<Record<string, string>> = {
  schemas: "schemas/ is shapes: pass the value in",
  platform: "platform/ is mechanics: pass the value in",
  channels: "move what both need to schemas/ (shapes) or platform/ (mechanics)",
  stores: "take the rows, or a function that reads them, as an argument from consumers/ or gateway/",
  "durable-objects": "move the shared rule to channels/ or schemas/",
  consumers: "move the shared rule to channels/ or schemas/",
  workflows: "move the shared rule to channels/ or schemas/; cron and routes start a workflow by its binding",
  producers: "move the shared rule to channels/ or schemas/",
  gateway: "move the shared rule to channels/ or schemas/; nobody imports the gateway",
};

const folders = Object.keys(imports);
const tests = "**/*.test.ts";

function bannedImports(from: string): { regex: string; message: string }[] {
  const allowed = imports[from] ?? [];
  const banned = folders.filter((to) => to !== from && !allowed.includes(to) && !(to === "durable-objects" && allowed.includes("stubs")));
  const patterns = banned.map((to) => ({
    regex: `^(\\.\\./)+${to}/`,
    message: `${from}/ may not import ${to}/: ${instead[to]}.`,
  }));
  if (allowed.includes("stubs")) {
    patterns.push({
      regex: "^(\\.\\./)+durable-objects/[a-z-]+/",
      message: `${from}/ reaches an object by its RPC, through durable-objects/stubs.ts; a shared rule belongs in channels/ or schemas/.`,
    });
  }
  patterns.push({
    regex: "^(\\.\\./)+(worker\\.ts$|(tests|demo|bench|tools)/)",
    message: `${from}/ is part of the Worker: move what is shared out of worker.ts, tests/, demo/, bench/ or tools/ into the folder that owns it.`,
  });
  return patterns;
}

/** sdk/ speaks the contract: the shapes of schemas/ as types, which cost a bundle nothing, and no code of the Worker. */
const contractOnly = [
  {
    regex: `^(\\.\\./)+(${folders.filter((folder) => folder !== "schemas").join("|")}|tests|demo|bench|tools)/`,
    message: "sdk/ speaks the contract only: take the shape from schemas/, or write what a client needs in sdk/.",
  },
  { regex: "^(\\.\\./)+schemas/", allowTypeImports: true, message: "sdk/ takes types from schemas/: its values bring zod with them." },
  { regex: "^(node:|cloudflare:)", message: "sdk/ runs in browsers: use what browsers and Node share." },
];
/** ops/ is an operator's program: it knows an edge by its addresses, and runs from any place that reaches one. */
const addressesOnly = [
  {
    regex: `^(\\.\\./)+(${folders.filter((folder) => folder !== "schemas").join("|")}|tests|demo|bench|tools|deploy)/`,
    message: "ops/ speaks the contract only: ask the edge by its routes, take shapes from schemas/ and clients from sdk/.",
  },
  {
    regex: "^(\\.\\./)+schemas/",
    allowTypeImports: true,
    message: "ops/ takes types from schemas/: its values bring zod into every start.",
  },
];
const reactOutside = { regex: "^react($|-|/)|^(\\.\\./)+react/", message: "sdk/client/ knows no React: hooks belong in sdk/react/." };

function sdkImports(files: string[], patterns: readonly { regex: string; message: string; allowTypeImports?: boolean }[]): OxlintOverride {
  return { files, excludeFiles: [tests, "sdk/testing/**"], rules: { "no-restricted-imports": ["error", { patterns: [...patterns] }] } };
}

const storage = doors(
  [
    "OPPORTUNITIES_DB",
    "STRATEGIES_DB",
    "METRICS_DB",
    "SESSIONS_DB",
    "EDGE_LOGS",
    "BACKEND_ASSETS",
    "CONFIG_BACKUPS",
    "CONFIG_CACHE",
    "API_CACHE",
    "SESSIONS",
  ],
  "Only stores/ touches D1, R2 and KV: add a function there and call it.",
);
/** Whoever holds a database by another name still has to call this. */
const statements = doors(["prepare", "withSession"], "Only stores/ speaks SQL to D1: add a function there and call it.");
/** They hand bindings to functions of stores/, which is wiring, not use. */
const wiring = [
  "consumers/index.ts",
  "gateway/placements.ts",
  "gateway/routes/assets.ts",
  "gateway/doctor/bindings.ts",
  "gateway/routes/health.ts",
  "gateway/backups/held.ts",
  "gateway/routes/ops-assets.ts",
  "gateway/routes/ops-backups.ts",
  "gateway/routes/ops-restores.ts",
  "gateway/routes/ops-cost.ts",
  "gateway/routes/ops-log-holds.ts",
  "gateway/routes/ops-log-hours.ts",
  "gateway/routes/ops-logs.ts",
  "gateway/routes/ops-placement.ts",
  "workflows/backup/backup.ts",
  "workflows/backup/cron.ts",
  "workflows/backup/deps.ts",
  "workflows/compaction/compaction.ts",
  "workflows/replay/replay.ts",
  "workflows/compaction/cron.ts",
];
const objects = doors(
  ["CHANNELS", "RELAYS", "UPSTREAMS", "RATE_LIMITERS"],
  "Only durable-objects/stubs.ts names an object: use channelStub or relayStub.",
);
const acks = doors(
  ["ack", "ackAll", "retry", "retryAll"],
  "Only consumers/consume.ts acks or retries: return an Outcome from the step instead.",
);

function doors(properties: readonly string[], message: string): { property: string; message: string }[] {
  return properties.map((property) => ({ property, message }));
}

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "vitest", "promise"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  options: { denyWarnings: true, reportUnusedDisableDirectives: "error" },
  ignorePatterns: ["worker-configuration.d.ts", "docs/schemas/**", "demo/events/**", "dist/**", ".local/**"],
  rules: {
    "typescript/no-explicit-any": "error",
    "typescript/ban-ts-comment": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
    "import/no-cycle": "error",
    "vitest/no-focused-tests": "error",
    "vitest/no-disabled-tests": "error",
    // Made for windows: a worker thread's postMessage has no origin.
    "unicorn/require-post-message-target-origin": "off",
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
    "no-param-reassign": "error",
    // A Worker's logs go through platform/log.ts, which cannot hold tokens or bodies.
    "no-console": "error",
    "max-lines": ["error", 250],
    "max-lines-per-function": ["error", 60],
    "max-params": ["error", 3],
    // `({ unwanted: _, ...rest }) => rest` is how a field is left out.
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
    // A short lambda may reuse a name that its file has for something else; the compiler sees mistakes.
    "no-shadow": "off",
    "vitest/require-mock-type-parameters": "off",
    "vitest/require-to-throw-message": "off",
    "vitest/no-conditional-expect": "off",
    // The second argument says what was expected of which case.
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    // Tests here also assert through helpers and inside loops, which the rule does not follow.
    "vitest/expect-expect": "off",
    // fast-check is used as `fc` everywhere in its own documentation.
    "import/no-named-as-default-member": "off",
    // Hono awaits its handlers; the rule is about Express.
    "oxc/no-async-endpoint-handlers": "off",
    "promise/always-return": "off",
    // The copy is the point where a loop changes what it walks.
    "unicorn/no-useless-spread": "off",
    "unicorn/prefer-set-has": "off",
    // `[...iterable].sort()` sorts its own copy.
    "unicorn/no-array-sort": "off",
    "no-unmodified-loop-condition": "off",
    // Order is the point of most loops here: one deliver, one batch, one row after the other.
    "no-await-in-loop": "off",
    // A closure next to its only use reads better than a far-away function.
    "unicorn/consistent-function-scoping": "off",
    "oxc/no-map-spread": "off",
  },
  overrides: [
    ...folders.map((folder): OxlintOverride => ({
      files: [`${folder}/**/*.ts`],
      excludeFiles: [tests],
      rules: { "no-restricted-imports": ["error", { patterns: bannedImports(folder) }] },
    })),
    {
      files: folders.filter((folder) => folder !== "stores" && folder !== "consumers").map((folder) => `${folder}/**/*.ts`),
      excludeFiles: [tests, "durable-objects/stubs.ts"],
      rules: { "no-restricted-properties": ["error", ...storage, ...statements, ...objects] },
    },
    {
      files: ["stores/**/*.ts"],
      excludeFiles: [tests],
      rules: { "no-restricted-properties": ["error", ...objects, ...acks] },
    },
    {
      files: ["consumers/**/*.ts"],
      excludeFiles: [tests, "consumers/consume.ts"],
      rules: { "no-restricted-properties": ["error", ...storage, ...statements, ...objects, ...acks] },
    },
    { files: wiring, rules: { "no-restricted-properties": ["error", ...statements, ...objects, ...acks] } },
    sdkImports(["sdk/**/*.ts"], contractOnly),
    sdkImports(["sdk/client/**/*.ts"], [...contractOnly, reactOutside]),
    {
      files: ["ops/**/*.ts"],
      excludeFiles: [tests],
      rules: { "no-restricted-imports": ["error", { patterns: addressesOnly }] },
    },
    {
      files: ["demo/**", "deploy/**", "tools/**", "bench/**", "simulate/**", "tests/**", "platform/log.ts"],
      rules: { "no-console": "off" },
    },
    { files: [tests, "tests/**"], rules: { "max-lines": "off", "max-lines-per-function": "off", "max-params": "off" } },
  ],
});
