/** `arbx profile`: edges and their keys, kept on this machine. Keys come from a prompt or stdin. */
import type { Command } from "commander";
import type { Cli, World } from "../cli.ts";
import { CliError } from "../errors.ts";
import { readInput } from "../input.ts";
import type { Column } from "../output.ts";
import { profileName, readProfiles, writeProfiles, type Profile } from "../profile-file.ts";
import { findTarget, localUrl, originOf, profilesPath, requireSafe } from "../profiles.ts";
import { askSecret } from "../prompt.ts";

interface Shown {
  readonly name: string;
  readonly url: string;
  readonly in_use: boolean;
  readonly key: boolean;
  readonly ingest_key: boolean;
}

const columns: readonly Column<Shown>[] = [
  { title: " ", value: ({ in_use: inUse }) => (inUse ? "*" : "") },
  { title: "NAME", value: ({ name }) => name },
  { title: "ADDRESS", value: ({ url }) => url },
  { title: "KEY", value: ({ key }) => (key ? "set" : "-") },
  { title: "INGEST KEY", value: ({ ingest_key: key }) => (key ? "set" : "-") },
];

const keysBytesMax = 65_536;

export function registerProfile(program: Command, cli: Cli): void {
  const { world } = cli;
  const path = profilesPath(world);
  const profile = program.command("profile").description(`edges and their keys, kept in ${path}`);
  profile
    .command("add")
    .description(
      "stores an edge, or replaces it; asks for the keys, or reads them from stdin: the operator's on the first line, that for events on the second",
    )
    .argument("<name>")
    .requiredOption("--url <address>", "such as https://edge.example.com")
    .addHelpText("after", "\nExample: arbx profile add production --url https://edge.example.com")
    .action(async (name: string, { url }: { readonly url: string }, command: Command) => {
      if (!profileName.test(name)) throw new CliError("usage", "a name is lower-case letters, digits, dots, dashes and underscores");
      const origin = originOf(url, "--url");
      requireSafe(origin);
      const stored = { url: origin, ...(await askKeys(world)) };
      const { current = name, profiles } = readProfiles(path);
      writeProfiles(path, { current, profiles: { ...profiles, [name]: stored } });
      await cli
        .output(command)
        .result(shownOf(name, stored, current), () => `${name} is stored${current === name ? " and in use" : `; in use is ${current}`}`);
    });
  profile
    .command("list")
    .description("all of them, without their keys")
    .action(async (_options: object, command: Command) => {
      await cli.output(command).table(listProfiles(world, command.optsWithGlobals<{ profile?: string }>().profile), columns);
    });
  profile
    .command("use")
    .description("the one that is meant when nothing else is said")
    .argument("<name>")
    .action(async (name: string, _options: object, command: Command) => {
      findTarget(world, name);
      const { profiles } = readProfiles(path);
      writeProfiles(path, { current: name, profiles });
      await cli.output(command).result({ current: name }, () => `in use: ${name}`);
    });
  profile
    .command("remove")
    .description("forgets an edge and its keys")
    .argument("<name>")
    .action(async (name: string, _options: object, command: Command) => {
      const { current, profiles } = readProfiles(path);
      if (!Object.hasOwn(profiles, name)) throw new CliError("notFound", `there is no profile "${name}"`);
      const { [name]: _gone, ...rest } = profiles;
      writeProfiles(path, { profiles: rest, ...(current === undefined || current === name ? {} : { current }) });
      await cli.output(command).result({ removed: name }, () => `${name} is forgotten`);
    });
}

function listProfiles(world: World, wanted: string | undefined): Shown[] {
  const target = findTarget(world, wanted);
  const { profiles } = readProfiles(profilesPath(world));
  const all: Readonly<Record<string, Profile>> = { local: { url: localUrl }, ...profiles };
  const stored = Object.entries(all).map(([name, profile]) => shownOf(name, name === target.name ? target : profile, target.name));
  return target.name === "environment" ? [shownOf("environment", target, "environment"), ...stored] : stored;
}

function shownOf(name: string, { url, key, ingestKey }: Profile, current: string): Shown {
  return { name, url, in_use: name === current, key: key !== undefined, ingest_key: ingestKey !== undefined };
}

async function askKeys(world: World): Promise<Omit<Profile, "url">> {
  const lines =
    world.stdin.isTTY === true
      ? await askSecret(world, ["operator's key or token", "key for events (empty: none)"])
      : (await readInput(world, "-", keysBytesMax)).split(/\r?\n/);
  const [key = "", ingestKey = ""] = lines.map((line) => line.trim());
  if (key === "" && ingestKey === "") throw new CliError("usage", "there is no key on stdin");
  return { ...(key === "" ? {} : { key }), ...(ingestKey === "" ? {} : { ingestKey }) };
}
