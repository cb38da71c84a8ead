/** The Worker's variables, parsed once per isolate. Names everything missing or invalid in one error, so a deployment is
 *  repaired in one go; production refuses to run on the development secrets of `.dev.vars.example`. */
import { z } from "zod";
import {
  isCountryOrContinent,
  isOrigin,
  isSecureSocket,
  isSecureUrl,
  isWebhookSecret,
  keyText,
  placeRule,
  webhookSecretRule,
} from "./config-formats.ts";
import { logGraceHoursMax, logRetentionDaysMax } from "../schemas/limits.ts";
import { tokenSecondsMax, tokenSecondsMin } from "../schemas/token-limits.ts";
import { legacyViews, locationHints, tokenAlgorithms, type Config } from "./config-shape.ts";

export * from "./config-shape.ts";

export class ConfigError extends Error {
  /** One line a variable: `JWT_SECRET: …`. Never a value. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the Worker's variables are not usable:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** HS256 keys must be at least as long as its hash (RFC 7518, 3.2). */
const jwtSecretCharsMin = 32;
/** Every secret of `.dev.vars.example` starts with it. */
const developmentPrefix = "dev-";
const secretNames = [
  "INGEST_API_KEYS",
  "WEBHOOK_SECRET",
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "OPS_API_KEY",
  "BACKEND_AUTH_TOKEN",
  "CONTABO_API_KEY",
] as const;

const Text = z.string("is missing").trim();
const Required = Text.min(1, "is empty");
const List = Text.transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);
const Origin = z.string().refine((text) => text === "*" || isOrigin(text), 'must list origins such as "https://arbitragex.app", or be "*"');

const SocketAddress = z.string().refine(isSecureSocket, 'must list addresses such as "wss://contabo.example:8081/ws"');
/** Contabo takes 50 messages a minute: each channel is one, a silent minute's pings are twenty. */
const subscriptionsMax = 16;

const Places = List.transform((items) => items.map((item) => (item.startsWith("continent:") ? item : item.toUpperCase()))).pipe(
  z.array(z.string().refine(isCountryOrContinent, placeRule)),
);
const BackendAddress = z
  .string()
  .refine(isSecureUrl, 'must list addresses such as "https://contabo.example:8081"')
  .transform((text) => text.replace(/\/+$/, ""));
const Prefix = Text.refine((text) => /^(\/[\w.-]+)*$/.test(text), 'must be a path such as "/api" or "/api/v2", or empty');

/** A whole number written as text, between two bounds. */
function whole(min: number, max: number): z.ZodType<number, string> {
  const rule = `must be a whole number from ${min} to ${max}`;
  return Text.regex(/^\d{1,12}$/, rule)
    .transform(Number)
    .pipe(z.number().min(min, rule).max(max, rule));
}

const daySeconds = 86_400;

const Variables = z.object({
  // Fails safe: an environment that does not say what it is, is production.
  ENVIRONMENT: z.enum(["production", "development"]).default("production"),
  INGEST_API_KEYS: List.pipe(z.array(z.string()).min(1, "is empty")),
  JWT_SECRET: Required.min(jwtSecretCharsMin, `must have at least ${jwtSecretCharsMin} characters`),
  JWT_SECRET_PREVIOUS: Text.refine(
    (text) => text === "" || text.length >= jwtSecretCharsMin,
    `must have at least ${jwtSecretCharsMin} characters, or be empty`,
  ).default(""),
  JWT_ISSUER: List.pipe(z.array(z.string()).min(1, "is empty")),
  JWT_AUDIENCE: List.pipe(z.array(z.string()).min(1, "is empty")),
  JWT_JWKS_URL: Text.refine((text) => text === "" || isSecureUrl(text), "must be an https address, or empty").default(""),
  OPS_API_KEY: Required,
  WEBHOOK_SECRET: List.pipe(z.array(z.string().refine(isWebhookSecret, webhookSecretRule))).default([]),
  PUBLIC_CHANNELS: List.default([]),
  LEGACY_VIEW: z.enum(legacyViews).default("redacted"),
  REGIONS: List.pipe(z.array(z.enum(locationHints)).min(1, "is empty")),
  CHANNEL_HOME: z.enum(locationHints, `must be one of ${locationHints.join(", ")}`),
  CORS_ORIGINS: List.pipe(z.array(Origin)).default([]),
  CONTABO_WS_URLS: List.pipe(z.array(SocketAddress)).default([]),
  CONTABO_WS_CHANNELS: List.pipe(z.array(z.string()).max(subscriptionsMax, `lists more than ${subscriptionsMax}`)).default([
    "opportunities",
  ]),
  CONTABO_API_KEY: Text.default(""),
  BACKEND_AUTH_TOKEN: Text.default(""),
  CONTABO_BACKEND_URL: List.pipe(z.array(BackendAddress)).default([]),
  CONTABO_API_PREFIX: Prefix.default("/api"),
  TOKEN_ALG: z.enum(tokenAlgorithms, `must be one of ${tokenAlgorithms.join(", ")}`).default("HS256"),
  JWT_EXPIRY: whole(tokenSecondsMin, tokenSecondsMax).default(3_600),
  RATE_LIMIT_REQUESTS: whole(1, 10_000_000).default(1_000),
  RATE_LIMIT_WINDOW: whole(1, daySeconds).default(900),
  SECURITY_HEADERS_ENABLED: z.enum(["true", "false"], "must be true or false").default("true"),
  LOG_GRACE_HOURS: whole(1, logGraceHoursMax).default(24),
  LOG_RETENTION_DAYS: whole(0, logRetentionDaysMax).default(365),
  GEO_ALLOW: Places.default([]),
  GEO_DENY: Places.default([]),
});

const parsed = new WeakMap<object, Config>();

/** The configuration of this environment, parsed on first use. Throws ConfigError. */
export function configOf(env: object): Config {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const config = parseConfig(env);
  parsed.set(env, config);
  return config;
}

/** Parses variables as they come from wrangler: strings, lists separated by commas. Throws ConfigError. */
export function parseConfig(variables: object): Config {
  const result = Variables.safeParse(variables);
  const problems = result.success ? [] : result.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
  problems.push(...developmentSecrets(variables), ...missingToken(variables));
  if (!result.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const values = result.data;
  return {
    environment: values.ENVIRONMENT,
    ingestKeys: values.INGEST_API_KEYS,
    jwt: {
      secret: values.JWT_SECRET,
      previousSecret: values.JWT_SECRET_PREVIOUS === "" ? undefined : values.JWT_SECRET_PREVIOUS,
      issuer: values.JWT_ISSUER,
      audience: values.JWT_AUDIENCE,
      jwksUrl: values.JWT_JWKS_URL === "" ? undefined : values.JWT_JWKS_URL,
    },
    opsKey: values.OPS_API_KEY,
    webhookSecrets: values.WEBHOOK_SECRET,
    publicChannels: values.PUBLIC_CHANNELS,
    legacyView: values.LEGACY_VIEW,
    regions: values.REGIONS,
    channelHome: values.CHANNEL_HOME,
    corsOrigins: values.CORS_ORIGINS,
    upstream: {
      urls: values.CONTABO_WS_URLS,
      channels: values.CONTABO_WS_CHANNELS,
      token: values.BACKEND_AUTH_TOKEN,
      apiKey: values.CONTABO_API_KEY,
    },
    backend: {
      origins: values.CONTABO_BACKEND_URL,
      prefix: values.CONTABO_API_PREFIX,
      token: values.BACKEND_AUTH_TOKEN,
      apiKey: values.CONTABO_API_KEY,
    },
    tokenLifetimeSeconds: values.JWT_EXPIRY,
    tokenAlgorithm: values.TOKEN_ALG,
    rateLimit: { requests: values.RATE_LIMIT_REQUESTS, windowSeconds: values.RATE_LIMIT_WINDOW },
    log: {
      graceMs: values.LOG_GRACE_HOURS * 3_600_000,
      retentionMs: values.LOG_RETENTION_DAYS === 0 ? undefined : values.LOG_RETENTION_DAYS * daySeconds * 1_000,
    },
    geo: { allow: values.GEO_ALLOW, deny: values.GEO_DENY },
    securityHeaders: values.SECURITY_HEADERS_ENABLED === "true",
  };
}

/** Looked for beside the schema, so that one error names these together with what is missing. */
function developmentSecrets(variables: object): string[] {
  const values = new Map<string, unknown>(Object.entries(variables));
  if (values.get("ENVIRONMENT") === "development") return [];
  return secretNames
    .filter((name) => hasDevelopmentSecret(values.get(name)))
    .map((name) => `${name}: is the development secret of .dev.vars.example; production needs its own`);
}

/** Contabo's socket authenticates by a token: without one it would be dialled for nothing, again and again. */
function missingToken(variables: object): string[] {
  const values = new Map<string, unknown>(Object.entries(variables));
  const isSet = (name: string): boolean => String(values.get(name) ?? "").trim() !== "";
  return isSet("CONTABO_WS_URLS") && !isSet("BACKEND_AUTH_TOKEN") ? ["BACKEND_AUTH_TOKEN: is missing, CONTABO_WS_URLS needs it"] : [];
}

function hasDevelopmentSecret(value: unknown): boolean {
  return typeof value === "string" && value.split(",").some((item) => keyText(item.trim()).startsWith(developmentPrefix));
}
