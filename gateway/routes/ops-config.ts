/** /ops/config: what the edge runs with. The variables of the deployment, without secrets, and the hot configuration, which operators change,
 *  look back at and roll back. */
import { z } from "zod";
import { configOf } from "../../platform/config.ts";
import type { Config } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { runtimeConfigBytesMax } from "../../schemas/limits-requests.ts";
import { Published, RuntimeConfig, strictly } from "../../schemas/runtime-config.ts";
import { findVersion, readHistory, readPublished } from "../../stores/runtime-config.ts";
import type { ConfigVersion } from "../../stores/runtime-config.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { changeConfig, configStore, currentConfig, read, requireVersion, spread, tagOf } from "../security/change-config.ts";
import type { Change, CurrentConfig, RulesContext } from "../security/change-config.ts";

const noStore = { "cache-control": "no-store" };
/** KV has brought a change everywhere by then: a copy that still differs was lost. */
const spreadWithinMs = 90_000;

export const Comment = z.string().max(200, "must have at most 200 characters").default("");
export const ConfigBody = z.object({ comment: Comment, config: RuntimeConfig });
export const RollbackBody = z.object({ version: z.int().min(1), comment: Comment });

export async function answerConfig(c: RulesContext, nowMs: number): Promise<Response> {
  const current = await currentConfig(c.env);
  if (await isUnspread(c, current, nowMs)) await spread(c, nowMs);
  const data = { ...shown(current), config: current.config, environment: describe(configOf(c.env)) };
  return c.json(success(data), 200, { ...noStore, etag: tagOf(current) });
}

export async function replaceConfig(c: RulesContext, nowMs: number): Promise<Response> {
  const { config, comment } = await readJson(c.req.raw, strictly(ConfigBody), runtimeConfigBytesMax);
  const current = await currentConfig(c.env);
  requireVersion(c, current);
  const isSwitched = config.under_attack !== (current.config?.under_attack ?? false);
  const action = isSwitched ? "attack.switched" : "config.changed";
  const details = isSwitched ? { under_attack: config.under_attack } : {};
  return answerChange(c, { from: current, nowMs, action, config, comment, details });
}

export async function answerHistory(c: RulesContext): Promise<Response> {
  const versions = await ask(readHistory(c.env), configStore);
  return c.json(success(versions.map(shown)), 200, noStore);
}

/** The old content as a new version: what was there between stays in the history. */
export async function rollBack(c: RulesContext, nowMs: number): Promise<Response> {
  const { version, comment } = await readJson(c.req.raw, strictly(RollbackBody), 4_096);
  const current = await currentConfig(c.env);
  if (c.req.header("if-match") !== undefined) requireVersion(c, current);
  const stored = await ask(findVersion(c.env, version), configStore);
  if (stored === undefined) throw new AppError("NOT_FOUND", `there is no version ${version} to go back to`);
  const { config } = read(stored);
  if (config === undefined) throw new AppError("CONFLICT", `version ${version} can't be read by what is deployed now`);
  const details = { to: version };
  return answerChange(c, {
    from: current,
    nowMs,
    action: "config.rolled_back",
    config,
    comment: comment || `back to version ${version}`,
    details,
  });
}

export async function answerChange(c: RulesContext, change: Change): Promise<Response> {
  const changed = await changeConfig(c, change);
  return c.json(success({ ...shown(changed), config: changed.config }), 200, { ...noStore, etag: tagOf(changed) });
}

function shown({ version, atMs, actor, comment }: ConfigVersion): object {
  return { version, at: new Date(atMs).toISOString(), actor, comment };
}

/** Whether a change was stored and then not copied: its author has been told, and this makes it good. */
async function isUnspread(c: RulesContext, { version, atMs }: CurrentConfig, nowMs: number): Promise<boolean> {
  if (nowMs - atMs < spreadWithinMs) return false;
  const text = await ask(readPublished(c.env), configStore);
  const published = text === null ? undefined : Published.safeParse(jsonOf(text)).data;
  return (published?.version ?? 0) !== version;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of secrets only how many there are. */
function describe(config: Config): object {
  const { jwt, backend, upstream, rateLimit, geo } = config;
  return {
    environment: config.environment,
    public_channels: config.publicChannels,
    legacy_view: config.legacyView,
    regions: config.regions,
    channel_home: config.channelHome,
    cors_origins: config.corsOrigins,
    security_headers: config.securityHeaders,
    token_lifetime_seconds: config.tokenLifetimeSeconds,
    jwt: { issuer: jwt.issuer, audience: jwt.audience, jwks_url: jwt.jwksUrl === undefined ? null : withoutUser(jwt.jwksUrl) },
    backend: { origins: backend.origins.map(withoutUser), prefix: backend.prefix },
    upstream: { urls: upstream.urls.map(withoutUser), channels: upstream.channels },
    rate_limit: { requests: rateLimit.requests, window_seconds: rateLimit.windowSeconds },
    geo,
    secrets_set: {
      INGEST_API_KEYS: config.ingestKeys.length,
      WEBHOOK_SECRET: config.webhookSecrets.length,
      BACKEND_AUTH_TOKEN: backend.token === "" ? 0 : 1,
      CONTABO_API_KEY: backend.apiKey === "" ? 0 : 1,
    },
  };
}

/** An address may carry a password before the "@", and a key in its query. */
function withoutUser(address: string): string {
  const { origin, pathname, protocol, host } = new URL(address);
  return `${origin === "null" ? `${protocol}//${host}` : origin}${pathname === "/" ? "" : pathname}`;
}
