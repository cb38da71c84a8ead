/** /ops/clients: who may mint tokens without the operators' key, with which rights at most. A key is shown once, when it is made. */
import type { Context } from "hono";
import { z } from "zod";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { ChannelMap, LifetimeSeconds, RoleName, type ApiClient } from "../../schemas/sessions.ts";
import { createApiClient, deleteApiClient, listApiClients } from "../../stores/api-clients.ts";
import { ask } from "../http/ask.ts";
import { success } from "../http/envelope.ts";
import { readTypedJson } from "../http/typed-body.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { newApiKey } from "../security/api-clients.ts";
import { askedBy } from "../security/audit.ts";
import { identify } from "../security/access.ts";
import type { AuditAction, AuditRow } from "../../schemas/audit.ts";

type OpsContext = Context<GatewayEnv>;

const bodyBytesMax = 8_192;
const clientStore = { what: "the list of API clients" };
const noStore = { "cache-control": "no-store" };

export const ClientBody = z.strictObject({
  name: z
    .string("is needed")
    .min(1, "must not be empty")
    .max(64)
    .regex(/^[^\p{C}]+$/u, "must be printable text"),
  role: RoleName.optional(),
  channels: ChannelMap.optional(),
  ttl_seconds_max: LifetimeSeconds.optional(),
});

export async function answerClients(c: OpsContext): Promise<Response> {
  return c.json(success((await ask(listApiClients(c.env), clientStore)).map(shown)), 200, noStore);
}

export async function createClient(c: OpsContext, nowMs: number): Promise<Response> {
  const { name, role, channels, ttl_seconds_max: cap } = await readTypedJson(c.req.raw, ClientBody, bodyBytesMax);
  const { clientId, key, keyHash } = newApiKey();
  const lifetimeSecondsMax = cap ?? configOf(c.env).tokenLifetimeSeconds;
  const client: ApiClient = { clientId, name, keyHash, role, channels, lifetimeSecondsMax, createdMs: nowMs };
  const entry = await entryOf(c, { action: "client.created", clientId, nowMs });
  const stored = await ask(createApiClient(c.env, client, { ...entry, details: { name, role: role ?? "" } }), clientStore);
  if (!stored) throw new AppError("CAPACITY_EXCEEDED", "there are too many API clients: delete one first");
  return c.json(success({ ...shown(client), key }), 201, noStore);
}

/** Its sessions end with it: at once here, on sockets within half a minute. */
export async function deleteClient(c: OpsContext, nowMs: number): Promise<Response> {
  const clientId = c.req.param("id") ?? "";
  const entry = await entryOf(c, { action: "client.deleted", clientId, nowMs });
  const { deleted, sessionsEnded, revoked } = await ask(deleteApiClient(c.env, clientId, entry), clientStore);
  if (!deleted) throw new AppError("NOT_FOUND", "there is no such API client");
  return c.json(success({ client_id: clientId, sessions_ended: sessionsEnded, sessions_revoked: revoked }), 200, noStore);
}

interface Change {
  readonly action: AuditAction;
  readonly clientId: string;
  readonly nowMs: number;
}

async function entryOf(c: OpsContext, { action, clientId, nowMs }: Change): Promise<AuditRow> {
  return { ...askedBy(c, await identify(c, nowMs)), action, subject: `client:${clientId}`, timeMs: nowMs, firstMs: nowMs, count: 1 };
}

function shown({ clientId, name, role, channels, lifetimeSecondsMax, createdMs }: ApiClient): Record<string, unknown> {
  return { client_id: clientId, name, role, channels, ttl_seconds_max: lifetimeSecondsMax, created_at: new Date(createdMs).toISOString() };
}
