/** Tokens, sessions, keys, who may mint, and the log of what was decided. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { AuditQuery } from "../../routes/ops-audit.ts";
import { ClientBody } from "../../routes/ops-clients.ts";
import { RotateBody } from "../../routes/security-keys.ts";
import { RevokeBody } from "../../routes/security-revoke.ts";
import { SessionsQuery } from "../../routes/security-sessions.ts";
import { RefreshBody, TokenBody } from "../../routes/security-token.ts";
import { VerifyBody } from "../../routes/security-verify.ts";
import { bare, failures, jsonBody, minters, nobody, ok, operators, page, pathName, readers } from "../parts.ts";

const channels = z
  .record(z.string(), z.array(z.string()))
  .optional()
  .describe("what may be done on which channels; by the role unless said");
const role = z.string().optional();
const time = z.iso.datetime();

const Issued = z
  .object({
    access_token: z.string(),
    token_type: z.literal("Bearer"),
    expires_at: time,
    refresh_token: z.string().describe("once: the next one comes with the next token"),
    session_id: z.string(),
    session_expires_at: time,
    sub: z.string(),
    role,
    channels,
  })
  .meta({ id: "IssuedToken" });

const Session = z
  .object({
    session_id: z.string(),
    sub: z.string(),
    client_id: z.string(),
    role,
    channels,
    created_at: time,
    refreshed_at: time,
    expires_at: time,
    current: z.boolean().describe("the one that the token shown belongs to"),
  })
  .meta({ id: "Session" });

const Ended = z.object({ sockets_closed: z.int(), relays_unreached: z.array(z.string()) });

const Verified = z.object({
  active: z.boolean(),
  reason: z.enum(["expired", "invalid", "revoked"]).optional(),
  claims: z.looseObject({}).optional(),
  expires_at: time.optional(),
  session: z.object({ client_id: z.string(), created_at: time, expires_at: time }).optional(),
});

const Client = z
  .object({ client_id: z.string(), name: z.string(), role, channels, ttl_seconds_max: z.int(), created_at: time })
  .meta({ id: "ApiClient" });

const Audited = z.object({
  seq: z.int(),
  time,
  since: time.optional(),
  action: z.string(),
  actor: z.string(),
  subject: z.string().optional(),
  address: z.string().optional(),
  request_id: z.string().optional(),
  count: z.int().optional().describe("alike entries, from since to time"),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

const common = { tags: ["Security"] };

export const securityPaths: ZodOpenApiPathsObject = {
  "/security/token": {
    post: {
      ...common,
      security: minters,
      operationId: "mintToken",
      summary: "An API key becomes a session: an access token and a refresh token, with no more rights than the key has",
      requestBody: jsonBody(TokenBody),
      responses: { "201": ok("a new session", Issued), ...failures(401, 415, 504) },
    },
  },
  "/security/refresh": {
    post: {
      ...common,
      security: nobody,
      operationId: "refreshToken",
      summary: "The next tokens of a session; a refresh token used twice ends it",
      requestBody: jsonBody(RefreshBody),
      responses: { "200": ok("the next pair", Issued), ...failures(401, 415, 504) },
    },
  },
  "/security/revoke": {
    post: {
      ...common,
      security: readers,
      operationId: "revoke",
      summary: "End a session: one's own, or by operators a token by its jti or all that a user holds",
      requestBody: { ...jsonBody(RevokeBody), required: false },
      responses: {
        "200": ok(
          "stored; relays close the sockets at once",
          z.union([
            Ended.extend({ session_id: z.string(), ended: z.boolean() }),
            Ended.extend({ jti: z.string().optional(), sub: z.string().optional(), until: time }),
          ]),
        ),
        ...failures(401, 504),
      },
    },
  },
  "/security/verify": {
    post: {
      ...common,
      security: nobody,
      operationId: "verifyToken",
      summary: "Whether a token holds, what it says and until when",
      requestBody: jsonBody(VerifyBody),
      responses: { "200": ok("active or not, and why not", Verified), ...failures(415, 504) },
    },
  },
  "/security/sessions": {
    get: {
      ...common,
      security: readers,
      operationId: "listSessions",
      summary: "One's own sessions, or by operators those of a user",
      requestParams: { query: SessionsQuery },
      responses: { "200": ok("live ones", z.array(Session)), ...failures(401, 504) },
    },
  },
  "/security/sessions/{id}": {
    delete: {
      ...common,
      security: readers,
      operationId: "endSession",
      summary: "End a session; twice is once",
      requestParams: { path: pathName("id", "of the session") },
      responses: { "200": ok("it has ended", Ended.extend({ session_id: z.string(), ended: z.boolean() })), ...failures(401, 504) },
    },
  },
  "/security/keys/rotate": {
    post: {
      ...common,
      security: operators,
      operationId: "rotateKeys",
      summary: "Put a new key pair in the place of the one that signs",
      requestBody: jsonBody(RotateBody),
      responses: {
        "201": ok("published now, signing soon", z.object({ kid: z.string(), alg: z.string(), signs_from: time, others_until: time })),
        ...failures(401, 415, 504),
      },
    },
  },
  "/.well-known/jwks.json": {
    get: {
      ...common,
      security: nobody,
      operationId: "getKeys",
      summary: "The public halves of our key pairs",
      responses: { "200": bare("a JSON Web Key Set", z.object({ keys: z.array(z.looseObject({ kid: z.string() })) })), ...failures(504) },
    },
  },
  "/ops/clients": {
    get: {
      ...common,
      security: operators,
      operationId: "listClients",
      summary: "Who may mint tokens, with which rights at most",
      responses: { "200": ok("all of them", z.array(Client)), ...failures(401, 504) },
    },
    post: {
      ...common,
      security: operators,
      operationId: "createClient",
      summary: "Let somebody mint tokens",
      requestBody: jsonBody(ClientBody),
      responses: { "201": ok("the key is shown this once", Client.extend({ key: z.string() })), ...failures(401, 415, 504) },
    },
  },
  "/ops/clients/{id}": {
    delete: {
      ...common,
      security: operators,
      operationId: "deleteClient",
      summary: "Take that right back; its sessions end",
      requestParams: { path: pathName("id", "of the client") },
      responses: {
        "200": ok("gone", z.object({ client_id: z.string(), sessions_ended: z.int(), sessions_revoked: z.int() })),
        ...failures(401, 504),
      },
    },
  },
  "/ops/audit": {
    get: {
      ...common,
      security: operators,
      operationId: "getAudit",
      summary: "Decisions about security of the last weeks, the newest first",
      requestParams: { query: AuditQuery },
      responses: { "200": page("a page", z.array(Audited)), ...failures(401, 504) },
    },
  },
};
