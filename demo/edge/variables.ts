/** The variables the local edge runs with: `.dev.vars` if there is one, else the committed development values. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

export function readDevVars(root: string): Record<string, string> {
  const file = [".dev.vars", ".dev.vars.example"].map((name) => join(root, name)).find(existsSync);
  if (file === undefined) throw new Error("neither .dev.vars nor .dev.vars.example exists");
  const entries = Object.entries(parseEnv(readFileSync(file, "utf8"))).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

export function requireVariable(variables: Readonly<Record<string, unknown>>, name: string): string {
  const value = variables[name];
  if (typeof value !== "string" || value === "") throw new Error(`${name} is not set (.dev.vars or wrangler.toml)`);
  return value;
}
