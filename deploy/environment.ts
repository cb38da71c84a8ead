/** What a deployment is made with: `.env`, over it `.env.<environment>`, over both the process's own variables. Everything missing or wrong is
 *  named in one error before anything is touched; values of secrets are never shown. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { ConfigError, parseConfig } from "../platform/config.ts";

export const environments = ["staging", "production"] as const;
export type Environment = (typeof environments)[number];

export interface Account {
  readonly id: string;
  readonly apiToken: string;
}

export interface Settings {
  readonly environment: Environment;
  readonly account: Account;
  /** For `[vars]` of wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** A domain of the account under which the edge answers; undefined: its workers.dev address. */
  readonly domain: string | undefined;
  /** Project of Cloudflare Pages that forwards the seed's addresses to the edge; undefined: none. */
  readonly pagesProject: string | undefined;
}

/** Uploaded as secrets: all others are plain variables of wrangler.toml. */
export const secretNames = [
  "INGEST_API_KEYS",
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "OPS_API_KEY",
  "WEBHOOK_SECRET",
  "BACKEND_AUTH_TOKEN",
  "CONTABO_API_KEY",
] as const;

export class SettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(`this can't be deployed:\n${problems.map((problem) => `- ${problem}`).join("\n")}\nSet them in .env, see .env.example.`);
    this.name = "SettingsError";
  }
}

type Values = Readonly<Record<string, string | undefined>>;

/** `base` are the `[vars]` of wrangler.toml. Throws SettingsError. */
export function settingsOf(environment: Environment, base: Readonly<Record<string, string>>, values: Values): Settings {
  const given = (name: string): string | undefined => (values[name]?.trim() === "" ? undefined : values[name]?.trim());
  const vars = { ...base, ...present(Object.keys(base), given), ENVIRONMENT: "production" };
  const secrets = present(secretNames, given);
  const id = given("CLOUDFLARE_ACCOUNT_ID");
  const apiToken = given("CLOUDFLARE_API_TOKEN");
  const domain = given("EDGE_DOMAIN");
  const problems = [
    ...(apiToken === undefined ? ["CLOUDFLARE_API_TOKEN: is missing"] : []),
    ...(/^[0-9a-f]{32}$/.test(id ?? "") ? [] : ["CLOUDFLARE_ACCOUNT_ID: must be the account's 32 hex digits"]),
    ...(domain === undefined || /^(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain)
      ? []
      : ['EDGE_DOMAIN: must be a host name such as "edge.arbitragex.app"']),
    ...problemsOf({ ...vars, ...secrets }),
  ];
  if (problems.length > 0 || id === undefined || apiToken === undefined) throw new SettingsError(problems);
  return { environment, account: { id, apiToken }, vars, secrets, domain, pagesProject: given("EDGE_PAGES_PROJECT") };
}

/** The Worker's own check: what it would refuse to start on is refused here. */
function problemsOf(variables: object): readonly string[] {
  try {
    parseConfig(variables);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function present(names: readonly string[], given: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = given(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** Reads the files beside the root; the process's variables are stronger. */
export function readValues(root: string, environment: Environment, own: Values): Values {
  const read = (name: string): Values => {
    const path = join(root, name);
    return existsSync(path) ? parseEnv(readFileSync(path, "utf8")) : {};
  };
  return { ...read(".env"), ...read(`.env.${environment}`), ...own };
}
