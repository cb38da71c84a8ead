/** Variables that are valid each, and contradict one another or open more than they should. Pure. */
import { findStream } from "../../channels/catalogue.ts";
import type { Config } from "../../platform/config.ts";
import type { Finding } from "./run.ts";

type Rule = (config: Config) => Finding | undefined;

/** Longer, and a token that leaked is worth stealing. */
const tokenSecondsLong = 86_400;
const hourMs = 3_600_000;

const warn = (detail: string, advice: string): Finding => ({ status: "warn", detail, advice });
const fail = (detail: string, advice: string): Finding => ({ status: "fail", detail, advice });

const rules: readonly Rule[] = [
  ({ publicChannels }) => {
    const unknown = publicChannels.filter((channel) => findStream(channel.split(":")[0] ?? "") === undefined);
    if (unknown.length > 0)
      return fail(`PUBLIC_CHANNELS names no stream: ${unknown.join(", ")}`, "correct the name; GET /ops/channels lists them");
    return undefined;
  },
  ({ regions, channelHome }) =>
    regions.includes(channelHome)
      ? undefined
      : warn(`CHANNEL_HOME ${channelHome} is none of REGIONS`, "every event crosses a region before any client sees it: add it to REGIONS"),
  ({ geo }) => {
    const both = geo.allow.filter((place) => geo.deny.includes(place));
    return both.length === 0
      ? undefined
      : warn(`GEO_ALLOW and GEO_DENY both name ${both.join(", ")}`, "denying is stronger: leave it out of one");
  },
  ({ log }) =>
    log.retentionMs === undefined || log.retentionMs > log.graceMs
      ? undefined
      : fail(
          `LOG_RETENTION_DAYS ends ${Math.round(log.graceMs / hourMs)} h of LOG_GRACE_HOURS early`,
          "the log would go before its raw objects may: keep it longer",
        ),
  ({ corsOrigins, environment }) =>
    corsOrigins.includes("*") && environment === "production"
      ? warn("CORS_ORIGINS takes any origin", "list the frontend's origins: any page could use a visitor's token")
      : undefined,
  ({ legacyView, environment }) =>
    legacyView === "full" && environment === "production"
      ? warn("LEGACY_VIEW is full", "anybody reads everything without a token: set redacted or off")
      : undefined,
  ({ securityHeaders }) =>
    securityHeaders ? undefined : warn("SECURITY_HEADERS_ENABLED is false", "only right where something in front of the edge sends them"),
  ({ tokenLifetimeSeconds }) =>
    tokenLifetimeSeconds > tokenSecondsLong ? warn(`JWT_EXPIRY is ${tokenLifetimeSeconds} s`, "a day at most, and refresh") : undefined,
  ({ jwt }) =>
    jwt.jwksUrl !== undefined && jwt.issuer.length < 2
      ? warn(
          "JWT_JWKS_URL is set and JWT_ISSUER names one issuer",
          "tokens of the other issuer are refused unless it is that one: name both",
        )
      : undefined,
  ({ upstream, backend }) =>
    upstream.urls.length > 0 && backend.origins.length === 0
      ? warn("CONTABO_WS_URLS is set, CONTABO_BACKEND_URL is not", "what the socket missed cannot be fetched: set the backend's address")
      : undefined,
];

/** Empty when nothing is to be said. */
export function inspectVars(config: Config): Finding[] {
  return rules.map((rule) => rule(config)).filter((finding) => finding !== undefined);
}
