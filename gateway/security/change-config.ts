/** How operators change the hot configuration: from a version they have seen to the next one, on record before it holds, and spread to the
 *  isolates after. Two who change the same version: the second is told. */
import type { Context } from "hono";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { ask } from "../http/ask.ts";
import { keepAlive } from "../middleware/guard.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logError } from "../../platform/log.ts";
import type { AuditDetails, AuditEntry } from "../../schemas/audit.ts";
import { runtimeConfigBytesMax } from "../../schemas/limits-requests.ts";
import { defaultRuntimeConfig, RuntimeConfig } from "../../schemas/runtime-config.ts";
import type { Published } from "../../schemas/runtime-config.ts";
import { findCurrent, publish, putVersion } from "../../stores/runtime-config.ts";
import type { ConfigVersion, StoredConfig } from "../../stores/runtime-config.ts";
import { identify } from "./access.ts";
import { askedBy, audit } from "./audit.ts";
import { rulesOf } from "./runtime-config.ts";

export type RulesContext = Context<GatewayEnv>;

export const configStore = { what: "the configuration" };

export interface CurrentConfig extends ConfigVersion {
  /** Undefined when what is stored can't be read: a later deployment's, gone back from. */
  readonly config: RuntimeConfig | undefined;
}

const neverSet: CurrentConfig = { version: 0, atMs: 0, actor: "edge", comment: "the defaults", config: defaultRuntimeConfig };

/** The truth, not this isolate's copy. */
export async function currentConfig(env: Env): Promise<CurrentConfig> {
  const stored = await ask(findCurrent(env), configStore);
  return stored === undefined ? neverSet : read(stored);
}

export function read({ text, ...version }: StoredConfig): CurrentConfig {
  return { ...version, config: parse(text) };
}

export interface Change {
  readonly from: CurrentConfig;
  readonly nowMs: number;
  readonly action: AuditEntry["action"];
  readonly config: RuntimeConfig;
  readonly comment: string;
  readonly details?: AuditDetails;
}

/** Throws CONFLICT when `from` does not hold any more, PAYLOAD_TOO_LARGE, or what the stores throw. */
export async function changeConfig(c: RulesContext, change: Change): Promise<CurrentConfig> {
  const { from, nowMs } = change;
  const text = JSON.stringify(change.config);
  if (text.length > runtimeConfigBytesMax)
    throw new AppError("PAYLOAD_TOO_LARGE", `a configuration has at most ${runtimeConfigBytesMax} bytes`);
  const reader = await identify(c, nowMs);
  const { actor, ...asked } = askedBy(c, reader);
  const version = from.version + 1;
  await record(c, {
    action: change.action,
    actor,
    ...asked,
    subject: `version ${version}`,
    details: { comment: change.comment, ...change.details },
  });
  const next = { version, atMs: nowMs, actor, comment: change.comment };
  if (!(await ask(putVersion(c.env, { ...next, text }), configStore))) throw outdated(undefined);
  await spread(c, nowMs);
  return { ...next, config: change.config };
}

export async function record(c: RulesContext, entry: AuditEntry): Promise<void> {
  await audit(c.env, { waitUntil: (work) => keepAlive(c, work) }, entry);
}

/** Brings the truth to the isolates; this one knows it at once, the others within a minute. Safe to do again. */
export async function spread(c: RulesContext, nowMs: number): Promise<Published> {
  try {
    const published = await ask(publish(c.env, nowMs), configStore);
    rulesOf(c.env).told(published, nowMs);
    return published;
  } catch (cause) {
    logError("runtime_config.unspread", { reason: messageOf(cause) });
    const message = "the change is stored, but could not be brought to the edge: GET /ops/config tries again";
    throw new AppError("UPSTREAM_UNAVAILABLE", message, { cause, retryAfterSeconds: 5 });
  }
}

/** The version that the operator has seen. Throws INVALID_PARAMETERS (428) when none is named, CONFLICT for another than `current`. */
export function requireVersion(c: RulesContext, current: ConfigVersion): void {
  const header = c.req.header("if-match");
  if (header === undefined) {
    const message = "If-Match: name the version that you change, as GET /ops/config gives it";
    throw new AppError("INVALID_PARAMETERS", message, { status: 428, details: { parameter: "If-Match" } });
  }
  const version = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header.trim())?.[1];
  if (version === undefined)
    throw new AppError("INVALID_PARAMETERS", 'If-Match: must be a version such as "7"', { details: { parameter: "If-Match" } });
  if (Number(version) !== current.version) throw outdated(current.version);
}

export function tagOf({ version }: ConfigVersion): string {
  return `"${version}"`;
}

function outdated(version: number | undefined): AppError {
  const details = version === undefined ? undefined : { version };
  return new AppError("CONFLICT", "somebody has changed it meanwhile: look at the version that holds now, then change that", { details });
}

function parse(text: string): RuntimeConfig | undefined {
  try {
    return RuntimeConfig.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
