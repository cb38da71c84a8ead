/** What the Worker's variables say once parsed. How they are written, and what is refused, is config.ts's. */
import type { TokenRules } from "./token.ts";

/** Location hints Cloudflare knows for Durable Objects. */
export const locationHints = ["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"] as const;
export const legacyViews = ["full", "redacted", "off"] as const;

export const tokenAlgorithms = ["HS256", "ES256"] as const;

export type TokenAlgorithm = (typeof tokenAlgorithms)[number];
export type LegacyView = (typeof legacyViews)[number];
export type LocationHint = (typeof locationHints)[number];

export interface Config {
  readonly environment: "production" | "development";
  readonly ingestKeys: readonly string[];
  readonly jwt: TokenRules;
  readonly opsKey: string;
  /** Of those who sign what they post; none: no signature is taken. */
  readonly webhookSecrets: readonly string[];
  /** Channels anybody may read without a token. */
  readonly publicChannels: readonly string[];
  readonly legacyView: LegacyView;
  readonly regions: readonly LocationHint[];
  readonly channelHome: LocationHint;
  /** Origins a browser may call from; `*` allows any. */
  readonly corsOrigins: readonly string[];
  readonly upstream: UpstreamConfig;
  readonly backend: BackendConfig;
  /** How long a token lives that we mint. */
  readonly tokenLifetimeSeconds: number;
  /** How it is signed: by JWT_SECRET, or by our own key pair, whose public half anybody may read. */
  readonly tokenAlgorithm: TokenAlgorithm;
  readonly rateLimit: RateLimitConfig;
  readonly geo: GeoConfig;
  readonly log: LogConfig;
  /** What browsers are told beyond the content type; off only where something in front says it. */
  readonly securityHeaders: boolean;
}

/** Contabo's API, which /api/proxy stands before. */
export interface BackendConfig {
  /** In order of preference; none: the proxy answers that it is not configured. No slash at the end. */
  readonly origins: readonly string[];
  /** Before every path, such as "/api" or "/api/v2"; may be empty. */
  readonly prefix: string;
  /** Sent as Authorization: Bearer; empty: not sent. */
  readonly token: string;
  /** Sent as X-API-Key; empty: not sent. */
  readonly apiKey: string;
}

/** `requests` in `windowSeconds`, for each who asks. */
export interface RateLimitConfig {
  readonly requests: number;
  readonly windowSeconds: number;
}

export interface LogConfig {
  /** Raw objects after their hour was compacted. */
  readonly graceMs: number;
  /** Anything; undefined: for ever. */
  readonly retentionMs: number | undefined;
}

/** ISO 3166 countries ("DE") and continents ("continent:EU"). An empty `allow` allows all; `deny` is stronger. */
export interface GeoConfig {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Contabo's sockets, dialled by the Upstream object. */
export interface UpstreamConfig {
  /** In order of preference; none: nothing is dialled. */
  readonly urls: readonly string[];
  readonly channels: readonly string[];
  readonly token: string;
  /** Empty: not sent. */
  readonly apiKey: string;
}
