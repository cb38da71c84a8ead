/** The file with the profiles: written whole and 0600, refused when others could read it. And the development keys of the working tree. */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { CliError } from "./errors.ts";

export interface Profile {
  readonly url: string;
  /** OPS_API_KEY, or a token of an operator's role. */
  readonly key?: string;
  readonly ingestKey?: string;
}

export interface Profiles {
  readonly current?: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

export const profileName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Hundreds of profiles; a larger file is not this one. */
const fileBytesMax = 1_048_576;
const privateMode = 0o600;

export function readProfiles(path: string): Profiles {
  const text = readPrivate(path);
  if (text === undefined) return { profiles: {} };
  const profiles = parseProfiles(text);
  if (profiles === undefined) throw new CliError("usage", `${path} is not a file of profiles`, { advice: "mend it, or move it away" });
  return profiles;
}

/** Whole or not at all: a Ctrl-C in the middle must not cost the other profiles. */
export function writeProfiles(path: string, { current, profiles }: Profiles): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const shown = Object.entries(profiles).map(([name, { url, key, ingestKey }]) => [name, { url, key, ingest_key: ingestKey }]);
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify({ v: 1, current, profiles: Object.fromEntries(shown) }, null, 2)}\n`, { mode: privateMode });
  renameSync(temporary, path);
}

function readPrivate(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, "r");
  try {
    const { mode, size } = fstatSync(file);
    // Windows has no such modes.
    if (process.platform !== "win32" && (mode & 0o077) !== 0)
      throw new CliError("refused", `${path} holds keys and can be read by others`, { advice: `run: chmod 600 ${path}` });
    if (size > fileBytesMax) throw new CliError("usage", `${path} has more than ${fileBytesMax} bytes`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** Undefined when the text is none. */
export function parseProfiles(text: string): Profiles | undefined {
  const file = objectOf(jsonOf(text));
  const entries = Object.entries(objectOf(file?.["profiles"]) ?? {}).map(([name, value]) => [name, parseProfile(value)] as const);
  const current = file?.["current"];
  if (file?.["v"] !== 1 || entries.some(([, profile]) => profile === undefined)) return undefined;
  const profiles = Object.fromEntries(entries) as Record<string, Profile>;
  return typeof current === "string" ? { current, profiles } : { profiles };
}

function parseProfile(value: unknown): Profile | undefined {
  const { url, key, ingest_key: ingestKey } = objectOf(value) ?? {};
  if (typeof url !== "string" || !URL.canParse(url) || !isText(key) || !isText(ingestKey)) return undefined;
  return { url, ...(key === undefined ? {} : { key }), ...(ingestKey === undefined ? {} : { ingestKey }) };
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of an edge that runs from this working tree: `.dev.vars`, as the edge itself reads it, else the committed development values. */
export function developmentKeys(root: string): Omit<Profile, "url"> {
  const path = [".dev.vars", ".dev.vars.example"].map((name) => join(root, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) return {};
  const values = parseEnv(readFileSync(path, "utf8"));
  const key = values["OPS_API_KEY"];
  const [ingestKey] = values["INGEST_API_KEYS"]?.split(",") ?? [];
  return { ...(key === undefined ? {} : { key }), ...(ingestKey === undefined ? {} : { ingestKey }) };
}
