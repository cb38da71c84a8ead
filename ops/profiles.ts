/** Which edge is spoken to, and with which keys. An address that was given by name, by environment or by file never gets the keys of
 *  another. Keys are never arguments: those end up in histories and process lists. */
import { join } from "node:path";
import { CliError } from "./errors.ts";
import { developmentKeys, readProfiles } from "./profile-file.ts";
import type { Profile, Profiles } from "./profile-file.ts";

export interface Target extends Profile {
  /** The profile's name, or "environment". */
  readonly name: string;
}

export interface ProfileWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly root: string;
}

export const localUrl = "http://localhost:8787";

export function profilesPath({ env, home }: ProfileWorld): string {
  const configured = env["XDG_CONFIG_HOME"] ?? "";
  return join(configured === "" ? join(home, ".config") : configured, "arbx", "profiles.json");
}

/** `--profile` wins over the environment, which wins over the profile in use; without any, the edge of `npm start`. */
export function findTarget(world: ProfileWorld, wanted: string | undefined): Target {
  const target = choose(world, wanted ?? given(world.env["ARBX_PROFILE"]));
  requireSafe(target.url);
  return isLoopback(target.url) ? { ...developmentKeys(world.root), ...target } : target;
}

function choose(world: ProfileWorld, wanted: string | undefined): Target {
  const { env } = world;
  if (wanted !== undefined) return named(world, readProfiles(profilesPath(world)), wanted);
  const keys = keysOf(env);
  const url = given(env["ARBX_URL"]);
  if (url !== undefined) return { name: "environment", url: originOf(url, "ARBX_URL"), ...keys };
  const profiles = readProfiles(profilesPath(world));
  return { ...named(world, profiles, profiles.current ?? "local"), ...keys };
}

function named(world: ProfileWorld, { profiles }: Profiles, name: string): Target {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile !== undefined) return { name, ...profile };
  if (name === "local") return { name, url: localUrl };
  const known = ["local", ...Object.keys(profiles)].join(", ");
  throw new CliError("usage", `there is no profile "${name}" in ${profilesPath(world)}`, {
    advice: `known: ${known}; add it: arbx profile add ${name} --url https://…`,
  });
}

function keysOf(env: ProfileWorld["env"]): Omit<Profile, "url"> {
  const key = given(env["ARBX_KEY"]);
  const ingestKey = given(env["ARBX_INGEST_KEY"]);
  return { ...(key === undefined ? {} : { key }), ...(ingestKey === undefined ? {} : { ingestKey }) };
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}

/** The address without path and trailing slash. */
export function originOf(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CliError("usage", `${source} must be the edge's address, such as https://edge.example.com`);
  if (url.username !== "" || url.password !== "")
    throw new CliError("usage", `${source} must not contain a user or password: keys belong in ARBX_KEY or a profile`);
  return url.origin;
}

export function requireSafe(url: string): void {
  if (url.startsWith("https:") || isLoopback(url)) return;
  throw new CliError("usage", `${url} would carry keys in the clear`, { advice: "use https://, or an edge on this machine" });
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Throws when the key that a command needs is not there. */
export function requireKey(target: Target, which: "key" | "ingestKey"): string {
  const key = target[which];
  if (key !== undefined) return key;
  const [variable, what] = which === "key" ? ["ARBX_KEY", "operator's key or token"] : ["ARBX_INGEST_KEY", "key that may post events"];
  throw new CliError("refused", `there is no ${what} for ${target.url}`, {
    advice: `set ${variable}, or store one: arbx profile add NAME --url ${target.url}`,
  });
}
