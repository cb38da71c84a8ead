/** The Worker's variables, parsed once per isolate. Names everything missing or invalid in one error, so a deployment is
 *  repaired in one go; production refuses to run on the development secrets of `.dev.vars.example`. */
import { z } from "zod";
import type { TokenRules } from "./token.ts";

/** Location hints Cloudflare knows for Durable Objects. */
export const locationHints = ["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"] as const;
export const legacyViews = ["full", "redacted", "off"] as const;

export type LegacyView = (typeof legacyViews)[number];
export type LocationHint = (typeof locationHints)[number];

export interface Config {
  readonly environment: "production" | "development";
  readonly ingestKeys: readonly string[];
  readonly jwt: TokenRules;
  readonly opsKey: string;
  /** Channels anybody may read without a token. */
  readonly publicChannels: readonly string[];
  readonly legacyView: LegacyView;
  readonly regions: readonly LocationHint[];
  readonly channelHome: LocationHint;
  /** Origins a browser may call from; `*` allows any. */
  readonly corsOrigins: readonly string[];
}

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
const secretNames = ["INGEST_API_KEYS", "JWT_SECRET", "OPS_API_KEY"] as const;

const Text = z.string("is missing").trim();
const Required = Text.min(1, "is empty");
const List = Text.transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);
const Origin = z.string().refine((text) => text === "*" || isOrigin(text), 'must list origins such as "https://arbitragex.app", or be "*"');

const Variables = z.object({
  // Fails safe: an environment that does not say what it is, is production.
  ENVIRONMENT: z.enum(["production", "development"]).default("production"),
  INGEST_API_KEYS: List.pipe(z.array(z.string()).min(1, "is empty")),
  JWT_SECRET: Required.min(jwtSecretCharsMin, `must have at least ${jwtSecretCharsMin} characters`),
  JWT_ISSUER: List.pipe(z.array(z.string()).min(1, "is empty")),
  JWT_AUDIENCE: List.pipe(z.array(z.string()).min(1, "is empty")),
  JWT_JWKS_URL: Text.refine((text) => text === "" || isSecureUrl(text), "must be an https address, or empty").default(""),
  OPS_API_KEY: Required,
  PUBLIC_CHANNELS: List.default([]),
  LEGACY_VIEW: z.enum(legacyViews).default("redacted"),
  REGIONS: List.pipe(z.array(z.enum(locationHints)).min(1, "is empty")),
  CHANNEL_HOME: z.enum(locationHints, `must be one of ${locationHints.join(", ")}`),
  CORS_ORIGINS: List.pipe(z.array(Origin)).default([]),
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
  problems.push(...developmentSecrets(variables));
  if (!result.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const values = result.data;
  return {
    environment: values.ENVIRONMENT,
    ingestKeys: values.INGEST_API_KEYS,
    jwt: {
      secret: values.JWT_SECRET,
      issuer: values.JWT_ISSUER,
      audience: values.JWT_AUDIENCE,
      jwksUrl: values.JWT_JWKS_URL === "" ? undefined : values.JWT_JWKS_URL,
    },
    opsKey: values.OPS_API_KEY,
    publicChannels: values.PUBLIC_CHANNELS,
    legacyView: values.LEGACY_VIEW,
    regions: values.REGIONS,
    channelHome: values.CHANNEL_HOME,
    corsOrigins: values.CORS_ORIGINS,
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

function hasDevelopmentSecret(value: unknown): boolean {
  return typeof value === "string" && value.split(",").some((item) => item.trim().startsWith(developmentPrefix));
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** Whoever can change keys on their way can sign as anybody. A key server on the own machine is for development. */
function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1"].includes(hostname));
}
