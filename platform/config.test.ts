import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { ConfigError, configOf, parseConfig } from "./config.ts";

const production = {
  ENVIRONMENT: "production",
  INGEST_API_KEYS: "k".repeat(32),
  JWT_SECRET: "s".repeat(32),
  JWT_ISSUER: "arbitragex-edge",
  JWT_AUDIENCE: "arbitragex-edge",
  OPS_API_KEY: "o".repeat(32),
  REGIONS: "weur, enam",
  CHANNEL_HOME: "weur",
  CORS_ORIGINS: "https://arbitragex.app",
  PUBLIC_CHANNELS: "",
  LEGACY_VIEW: "redacted",
};

function problemsOf(variables: object): readonly string[] {
  try {
    parseConfig(variables);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

it("names everything missing in one error", () => {
  const names = problemsOf({}).map((problem) => problem.split(":")[0]);
  expect(names).toEqual(["INGEST_API_KEYS", "JWT_SECRET", "JWT_ISSUER", "JWT_AUDIENCE", "OPS_API_KEY", "REGIONS", "CHANNEL_HOME"]);
});

it("refuses each development secret in production, and says which", () => {
  const problems = problemsOf({
    ...production,
    INGEST_API_KEYS: `${production.INGEST_API_KEYS}, dev-ingest-key-0001`,
    JWT_SECRET: "dev-jwt-secret-not-for-production-0001",
    OPS_API_KEY: "dev-ops-key-0001",
  });
  expect(problems.map((problem) => problem.split(":")[0])).toEqual(["INGEST_API_KEYS", "JWT_SECRET", "OPS_API_KEY"]);
});

it("takes an environment that does not say what it is for production", () => {
  const { ENVIRONMENT: _, ...unnamed } = production;
  expect(problemsOf({ ...unnamed, OPS_API_KEY: "dev-ops-key-0001" })).toHaveLength(1);
  expect(parseConfig(unnamed).environment).toBe("production");
});

it("never shows a value in its error", () => {
  expect(problemsOf({ ...production, JWT_SECRET: "too-short-a-secret" }).join()).not.toContain("too-short-a-secret");
});

it("takes a JWT secret of 32 characters and not of 31", () => {
  expect(problemsOf({ ...production, JWT_SECRET: "s".repeat(31) })).toHaveLength(1);
  expect(problemsOf(production)).toEqual([]);
});

it.each([
  ["REGIONS", "weur,atlantis"],
  ["REGIONS", " , "],
  ["CHANNEL_HOME", "mars"],
  ["LEGACY_VIEW", "some"],
  ["ENVIRONMENT", "Production"],
  ["CORS_ORIGINS", "https://arbitragex.app/path"],
  ["CORS_ORIGINS", "arbitragex.app"],
  ["INGEST_API_KEYS", ","],
  ["JWT_ISSUER", " , "],
  ["JWT_AUDIENCE", ""],
  ["JWT_JWKS_URL", "issuer.test/keys"],
  ["JWT_JWKS_URL", "http://issuer.test/keys"],
])("refuses %s=%j", (name, value) => {
  expect(problemsOf({ ...production, [name]: value }).map((problem) => problem.split(":")[0])).toEqual([name]);
});

it("reads lists separated by commas, spaces and empty items aside", () => {
  const config = parseConfig({ ...production, INGEST_API_KEYS: " a-key , b-key,, ", PUBLIC_CHANNELS: "opportunities, market" });
  expect(config.ingestKeys).toEqual(["a-key", "b-key"]);
  expect(config.publicChannels).toEqual(["opportunities", "market"]);
  expect(config.regions).toEqual(["weur", "enam"]);
});

it("takes several issuers and audiences, and an address of keys only where there is one", () => {
  const { jwt } = parseConfig({ ...production, JWT_ISSUER: "arbitragex-edge, arbitragex-pro", JWT_JWKS_URL: "https://issuer.test/keys" });
  expect(jwt).toMatchObject({ issuer: ["arbitragex-edge", "arbitragex-pro"], audience: ["arbitragex-edge"] });
  expect(jwt.jwksUrl).toBe("https://issuer.test/keys");
  expect(parseConfig({ ...production, JWT_JWKS_URL: "" }).jwt.jwksUrl).toBeUndefined();
});

it("takes several webhook secrets, in base64 or as plain text, and none at all", () => {
  const base64 = `whsec_${btoa("w".repeat(24))}`;
  const plain = "p".repeat(24);
  expect(parseConfig({ ...production, WEBHOOK_SECRET: `${base64}, ${plain}` }).webhookSecrets).toEqual([base64, plain]);
  expect(parseConfig(production).webhookSecrets).toEqual([]);
});

it.each([
  `whsec_${btoa("w".repeat(23))}`,
  "whsec_not*base64*but*long*enough",
  "p".repeat(23),
  `whsec_${btoa("dev-webhook-secret-0000001")}`,
])("refuses the webhook secret %s: short, unreadable or for development only", (secret) => {
  expect(problemsOf({ ...production, WEBHOOK_SECRET: secret }).map((problem) => problem.split(":")[0])).toEqual(["WEBHOOK_SECRET"]);
});

it("knows the secret before, which is one: a comma may stand in it", () => {
  const previous = `${"p".repeat(31)},${"q".repeat(31)}`;
  expect(parseConfig({ ...production, JWT_SECRET_PREVIOUS: previous, TOKEN_ALG: "ES256" })).toMatchObject({
    jwt: { secret: production.JWT_SECRET, previousSecret: previous },
    tokenAlgorithm: "ES256",
  });
  expect(parseConfig({ ...production, JWT_SECRET_PREVIOUS: "" }).jwt.previousSecret).toBeUndefined();
});

it("parses an environment once", () => {
  const config = configOf(env);
  expect(config.environment).toBe("development");
  expect(configOf(env)).toBe(config);
});

const upstream = {
  ...production,
  CONTABO_WS_URLS: "wss://one.test:8081/ws, wss://two.test/ws/realtime",
  BACKEND_AUTH_TOKEN: "t".repeat(32),
};

it.each(["http://one.test/ws", "ws://one.test/ws", "one.test", "wss://one.test,nonsense"])("does not dial %s", (text) => {
  expect(problemsOf({ ...upstream, CONTABO_WS_URLS: text })).toEqual([expect.stringContaining("CONTABO_WS_URLS")]);
});

it("dials no backend without a token to show it, nor with a development one in production", () => {
  expect(problemsOf({ ...upstream, BACKEND_AUTH_TOKEN: " " })).toEqual([expect.stringContaining("BACKEND_AUTH_TOKEN")]);
  const problems = problemsOf({ ...upstream, BACKEND_AUTH_TOKEN: "dev-backend-token-0001", CONTABO_API_KEY: "dev-contabo-key-0001" });
  expect(problems.map((problem) => problem.split(":")[0])).toEqual(["BACKEND_AUTH_TOKEN", "CONTABO_API_KEY"]);
});

it("dials nothing unless told, and what it is told in order", () => {
  expect(parseConfig(production).upstream.urls).toEqual([]);
  expect(parseConfig({ ...upstream, CONTABO_WS_CHANNELS: "opportunities, alerts" }).upstream).toEqual({
    urls: ["wss://one.test:8081/ws", "wss://two.test/ws/realtime"],
    channels: ["opportunities", "alerts"],
    token: "t".repeat(32),
    apiKey: "",
  });
  expect(parseConfig({ ...upstream, CONTABO_WS_URLS: "ws://127.0.0.1:8081/ws" }).upstream.urls).toHaveLength(1);
});

it("stands before no backend unless told, and before several in order", () => {
  expect(parseConfig(production).backend).toEqual({ origins: [], prefix: "/api", token: "", apiKey: "" });
  const { backend } = parseConfig({
    ...production,
    CONTABO_BACKEND_URL: "https://one.test:8081/, https://two.test",
    CONTABO_API_PREFIX: "/api/v2",
  });
  expect(backend).toMatchObject({ origins: ["https://one.test:8081", "https://two.test"], prefix: "/api/v2" });
});

it("takes countries in any case and continents by their prefix, for NA is Namibia too", () => {
  const { geo } = parseConfig({ ...production, GEO_ALLOW: "de, continent:NA", GEO_DENY: "NA" });
  expect(geo).toEqual({ allow: ["DE", "continent:NA"], deny: ["NA"] });
});

it("keeps the log for a year and raw objects for a day unless told, and for ever when told 0", () => {
  const dayMs = 86_400_000;
  expect(parseConfig(production).log).toEqual({ graceMs: dayMs, retentionMs: 365 * dayMs });
  const { log } = parseConfig({ ...production, LOG_GRACE_HOURS: "48", LOG_RETENTION_DAYS: "0" });
  expect(log).toEqual({ graceMs: 2 * dayMs, retentionMs: undefined });
});

it("limits and mints by the seed's figures unless told", () => {
  const config = parseConfig(production);
  expect(config.rateLimit).toEqual({ requests: 1_000, windowSeconds: 900 });
  expect([config.tokenLifetimeSeconds, config.tokenAlgorithm, config.jwt.previousSecret]).toEqual([3_600, "HS256", undefined]);
  expect(config.securityHeaders).toBe(true);
});

it.each([
  ["CONTABO_BACKEND_URL", "http://one.test:8081"],
  ["CONTABO_API_PREFIX", "api"],
  ["CONTABO_API_PREFIX", "/api/"],
  ["JWT_EXPIRY", "1h"],
  ["JWT_EXPIRY", "59"],
  ["JWT_SECRET_PREVIOUS", "s".repeat(31)],
  ["JWT_SECRET_PREVIOUS", "dev-jwt-secret-not-for-production-0001"],
  ["TOKEN_ALG", "none"],
  ["TOKEN_ALG", "RS256"],
  ["RATE_LIMIT_REQUESTS", "0"],
  ["RATE_LIMIT_WINDOW", "86401"],
  ["SECURITY_HEADERS_ENABLED", "yes"],
  ["LOG_GRACE_HOURS", "0"],
  ["LOG_RETENTION_DAYS", "-1"],
  ["GEO_ALLOW", "Germany"],
  ["GEO_DENY", "continent:XX"],
])("refuses %s=%s by name", (name, text) => {
  expect(problemsOf({ ...production, [name]: text })).toEqual([expect.stringContaining(name)]);
});
