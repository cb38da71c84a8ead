/** What operators change while the edge runs (CONFIG_CACHE): firewall, places, limits, penalties. Everything has a default, so that `{"v":1}`
 *  is a whole configuration. Read loosely, because isolates of two versions read the same text during a deployment; taken from an operator
 *  strictly, because a misspelt field is a rule that does not hold. */
import { z } from "zod";
import { isCountryOrContinent, placeRule } from "../platform/config-formats.ts";
import { networkBitsMin, parseNetwork } from "../platform/network.ts";
import { bansMax, firewallRulesMax } from "./limits-requests.ts";

const daySeconds = 86_400;
const routesMax = 50;
const patternsMax = 50;
const networksMax = 200;

const Slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "must be lower-case letters, digits and hyphens, 64 at most");

/** A path, in which `*` stands for any characters. Compared as the routes see it: decoded, without the query. */
const PathPattern = z.string().max(256).regex(/^[/*]/, 'must be a path such as "/api/proxy/*"');
/** A part of the text in any case, or with `*` the whole text. No regular expressions: one of them could stop an isolate. */
const TextPattern = z.string().min(1, "must not be empty").max(128);
const Method = z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const NetworkText = z
  .string()
  .max(64)
  .refine((text) => parseNetwork(text) !== undefined, 'must be an address or a network such as "203.0.113.0/24" or "2001:db8::/32"');
const Place = z.string().refine(isCountryOrContinent, placeRule);

/** `requests` in `window_seconds`, evenly; `burst` of them may come at once, three twentieths unless said. */
export const Limit = z
  .object({
    requests: z.int().min(1).max(10_000_000),
    window_seconds: z.int().min(1).max(daySeconds),
    burst: z.int().min(1).max(10_000_000).optional(),
  })
  .refine(({ burst, requests }) => burst === undefined || burst <= requests, { error: "must not be above requests", path: ["burst"] });
export type Limit = z.infer<typeof Limit>;

/** All that is given must fit; of each list one entry. `log` only counts what it would have matched: how a rule is tried out. */
export const FirewallRule = z
  .object({
    id: Slug,
    description: z.string().max(256).default(""),
    enabled: z.boolean().default(true),
    /** Lower ones are asked first; the first that fits decides, unless it only logs. */
    priority: z.int().min(0).max(10_000).default(100),
    action: z.enum(["block", "allow", "log", "limit"]),
    networks: z.array(NetworkText).min(1).max(networksMax).optional(),
    user_agents: z.array(TextPattern).min(1).max(patternsMax).optional(),
    paths: z.array(PathPattern).min(1).max(patternsMax).optional(),
    methods: z.array(Method).min(1).max(7).optional(),
    /** Of each client the rule fits; for `limit` alone. */
    limit: Limit.optional(),
  })
  .refine((rule) => (rule.action === "limit") === (rule.limit !== undefined), { error: "goes with action limit", path: ["limit"] })
  .refine((rule) => [rule.networks, rule.user_agents, rule.paths, rule.methods].some((part) => part !== undefined), {
    error: "name networks, user_agents, paths or methods: a rule for everything would stop the edge",
    path: ["networks"],
  });
export type FirewallRule = z.infer<typeof FirewallRule>;

export const FirewallRules = z
  .array(FirewallRule)
  .max(firewallRulesMax)
  .refine((rules) => new Set(rules.map(({ id }) => id)).size === rules.length, "every id may be there once");

/** In place of GEO_ALLOW and GEO_DENY for the paths it fits; the first one counts. */
const GeoRoute = z.object({ path: PathPattern, allow: z.array(Place).max(300).default([]), deny: z.array(Place).max(300).default([]) });

export const tiers = ["anonymous", "user", "operator"] as const;
export type Tier = (typeof tiers)[number];

const RouteLimit = z.object({ path: PathPattern, methods: z.array(Method).min(1).max(7).optional(), limit: Limit });

const Limits = z.object({
  enabled: z.boolean().default(true),
  /** Whether the Rate Limiting binding is asked before a limiter. */
  first_line: z.boolean().default(true),
  /** In place of RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW for who asks. */
  tiers: z.partialRecord(z.enum(tiers), Limit).default({}),
  /** …and, stronger, for what is asked; the first one that fits counts. */
  routes: z.array(RouteLimit).max(routesMax).default([]),
});

/** Limits are tightened down to `factor_min` of themselves while the backend answers slower than `latency_ms`, or more than `error_rate` of
 *  its answers are failures. The owner alerts on 2 s and 5 % (UPSTREAM 4). */
const Adaptive = z.object({
  enabled: z.boolean().default(true),
  factor_min: z.number().min(0.05).max(1).default(0.25),
  latency_ms: z.int().min(10).max(60_000).default(2_000),
  error_rate: z.number().min(0.001).max(1).default(0.05),
});
export type Adaptive = z.infer<typeof Adaptive>;

/** Refusals of a client add up and fade by half each half-life; at the threshold it is shut out, twice as long each time. */
const Penalties = z.object({
  enabled: z.boolean().default(true),
  threshold: z.int().min(10).max(10_000).default(100),
  half_life_seconds: z.int().min(5).max(3_600).default(60),
  first_ban_seconds: z.int().min(1).max(600).default(10),
  /** An hour at most: it hits all that share the address. Who must stay out longer is banned by an operator. */
  max_ban_seconds: z.int().min(1).max(3_600).default(900),
});
export type Penalties = z.infer<typeof Penalties>;

export const RuntimeConfig = z.object({
  v: z.literal(1),
  /** Nobody reads without a credential, everybody's limits are halved and offences count twice; sockets and posters go on. */
  under_attack: z.boolean().default(false),
  firewall: FirewallRules.default([]),
  geo: z.object({ routes: z.array(GeoRoute).max(routesMax).default([]) }).prefault({}),
  limits: Limits.prefault({}),
  adaptive: Adaptive.prefault({}),
  penalties: Penalties.prefault({}),
});
export type RuntimeConfig = z.infer<typeof RuntimeConfig>;

export const defaultRuntimeConfig: RuntimeConfig = RuntimeConfig.parse({ v: 1 });

/** A network kept out by an operator until a time. No wider than networkBitsMin: a slip of the pen must not shut everybody out. */
export const BanNetwork = NetworkText.refine((text) => {
  const network = parseNetwork(text);
  return network !== undefined && network.bits >= networkBitsMin[network.kind];
}, `must be no wider than /${networkBitsMin.ipv4} (IPv4) or /${networkBitsMin.ipv6} (IPv6)`);

export interface Ban {
  /** As parseNetwork writes it. */
  readonly network: string;
  readonly reason: string;
  readonly actor: string;
  readonly createdMs: number;
  readonly untilMs: number;
}

/** What isolates read. The configuration inside is parsed apart, so that bans still hold where it can't be read. */
export const Published = z.object({
  v: z.literal(1),
  version: z.int().min(0),
  /** When it was copied: a later copy is never replaced by an earlier one. */
  at_ms: z.number().default(0),
  config: z.unknown(),
  bans: z.array(z.object({ network: z.string().max(64), until_ms: z.number() })).max(bansMax),
});
export type Published = z.infer<typeof Published>;

/** The same, but a field that it does not know is refused by name. */
export function strictly<S extends z.ZodType>(schema: S): z.ZodPipe<z.ZodUnknown, S> {
  const known = z.unknown().superRefine((input, context) => {
    const { data } = schema.safeParse(input);
    const path = data === undefined ? undefined : unknownKey(input, data);
    if (path !== undefined) context.addIssue({ code: "custom", path, message: "is not a known field" });
  });
  return known.pipe(schema as z.core.$ZodType<unknown, unknown>) as unknown as z.ZodPipe<z.ZodUnknown, S>;
}

/** The way to the first key that parsing has dropped. */
function unknownKey(input: unknown, parsed: unknown): (string | number)[] | undefined {
  if (typeof input !== "object" || input === null || typeof parsed !== "object" || parsed === null) return undefined;
  for (const [key, value] of Object.entries(input)) {
    const name = Array.isArray(input) ? Number(key) : key;
    if (!Object.hasOwn(parsed, key)) return [name];
    const below = unknownKey(value, Reflect.get(parsed, key));
    if (below !== undefined) return [name, ...below];
  }
  return undefined;
}
