/** What operators set about who may come how often. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { FirewallRule, RuntimeConfig, tiers } from "../../../schemas/runtime-config.ts";
import { BanBody, BanQuery } from "../../routes/ops-bans.ts";
import { ConfigBody, RollbackBody } from "../../routes/ops-config.ts";
import { FirewallTrial, FirewallTried } from "../../routes/ops-firewall-trial.ts";
import { FirewallBody } from "../../routes/ops-firewall.ts";
import { failures, jsonBody, ok, operators } from "../parts.ts";

const common = { tags: ["Operating"], security: operators };

const Version = z.object({ version: z.int(), at: z.iso.datetime(), actor: z.string(), comment: z.string() }).meta({ id: "ConfigVersion" });
const Configured = Version.extend({ config: RuntimeConfig.optional().describe("left out when it can't be read by what is deployed now") });
const Ban = z
  .object({ network: z.string(), reason: z.string(), actor: z.string(), since: z.iso.datetime(), until: z.iso.datetime() })
  .meta({ id: "Ban" });
const Automatic = z.object({ client: z.string(), until: z.iso.datetime(), strikes: z.int() });
const Rate = z.object({ burst: z.number(), per_second: z.number() });
const Policy = z.object({
  tier: z.enum(tiers),
  class: z.string(),
  requests: z.int(),
  window_seconds: z.int(),
  burst: z.int(),
});
const Here = z.looseObject({ factor: z.number(), limiters_silent: z.array(z.string()) });

const seen = { header: z.object({ "if-match": z.string().describe('the version you have seen, such as "7"') }) };
const changed = ok("what holds now: here at once, everywhere within a minute", Configured);

export const rulesPaths: ZodOpenApiPathsObject = {
  "/ops/config": {
    get: {
      ...common,
      operationId: "getConfig",
      summary: "What the edge runs with: its variables without secrets, and what can be changed while it runs",
      responses: {
        "200": ok("the version in force is also the ETag", Configured.extend({ environment: z.looseObject({}) })),
        ...failures(401, 504),
      },
    },
    put: {
      ...common,
      operationId: "putConfig",
      summary: "Change it, as a whole",
      requestParams: seen,
      requestBody: jsonBody(ConfigBody),
      responses: { "200": changed, ...failures(401, 409, 428, 504) },
    },
  },
  "/ops/config/history": {
    get: {
      ...common,
      operationId: "getConfigHistory",
      summary: "The last versions: who changed it when and why",
      responses: { "200": ok("the newest first", z.array(Version)), ...failures(401, 504) },
    },
  },
  "/ops/config/rollback": {
    post: {
      ...common,
      operationId: "rollBackConfig",
      summary: "Make the content of an earlier version a new one",
      requestBody: jsonBody(RollbackBody),
      responses: { "200": changed, ...failures(401, 409, 504) },
    },
  },
  "/ops/firewall": {
    get: {
      ...common,
      operationId: "getFirewall",
      summary: "The firewall's rules, and how often each fitted in the isolate that answers",
      responses: {
        "200": ok(
          "in no particular order: priority decides",
          z.object({
            version: z.int(),
            rules: z.array(
              z.intersection(FirewallRule, z.looseObject({ matches_here: z.int(), last_match_at: z.iso.datetime().nullable() })),
            ),
          }),
        ),
        ...failures(401, 504),
      },
    },
    put: {
      ...common,
      operationId: "putFirewall",
      summary: "Replace all rules",
      requestParams: seen,
      requestBody: jsonBody(FirewallBody),
      responses: { "200": changed, ...failures(401, 409, 428, 504) },
    },
  },
  "/ops/firewall/test": {
    post: {
      ...common,
      operationId: "testFirewall",
      summary: "What rules would do to requests, and how they differ from those in force; changes nothing",
      requestBody: jsonBody(FirewallTrial),
      responses: { "200": ok("as all isolates would decide", FirewallTried), ...failures(401, 504) },
    },
  },
  "/ops/bans": {
    get: {
      ...common,
      operationId: "getBans",
      summary: "Networks that operators keep out, and clients that the isolate which answers keeps out for the moment",
      responses: {
        "200": ok("the latest first", z.object({ bans: z.array(Ban), automatic_here: z.array(Automatic) })),
        ...failures(401, 504),
      },
    },
    post: {
      ...common,
      operationId: "addBan",
      summary: "Keep a network out, for an hour unless said",
      requestBody: jsonBody(BanBody),
      responses: { "201": ok("it holds here at once, everywhere within a minute", Ban), ...failures(401, 504) },
    },
    delete: {
      ...common,
      operationId: "liftBan",
      summary: "Let it in again; may come twice",
      requestParams: { query: BanQuery },
      responses: { "200": ok("done", z.object({ network: z.string(), was_banned: z.boolean() })), ...failures(401, 504) },
    },
  },
  "/ops/limits": {
    get: {
      ...common,
      operationId: "getLimits",
      summary: "Which limits hold for whom, and how far they are tightened",
      responses: {
        "200": ok(
          "as the isolate that answers has them",
          z.looseObject({
            version: z.int(),
            under_attack: z.boolean(),
            policies: z.array(Policy),
            ceilings_per_isolate: z.object({ client: Rate, poster: Rate, handshakes: Rate }),
            here: Here,
          }),
        ),
        ...failures(401, 504),
      },
    },
  },
};
