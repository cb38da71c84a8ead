/** The program: global options, and the table of commands. A command is a file of commands/ that exports `registerX(program, cli)`, adds itself
 *  with `program.command(…)`, and in its action opens a session: `const { edge, output } = cli.open(command)`. It returns when all is well and
 *  throws a CliError (errors.ts) otherwise; run.ts turns either into text and exit code. Files are loaded when they are asked for. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { Cli, Register } from "./cli.ts";
import { exitCodesHelp } from "./exit-codes.ts";

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Register>;
}

/** In the order of the help. */
export const commands: Readonly<Record<string, Entry>> = {
  tail: { summary: "events of a channel as they come", load: async () => (await import("./commands/tail.ts")).registerTail },
  publish: { summary: "posts events from a file or stdin", load: async () => (await import("./commands/publish.ts")).registerPublish },
  channels: {
    summary: "where each stream stands: positions, subscribers, regions",
    load: async () => (await import("./commands/channels.ts")).registerChannels,
  },
  log: { summary: "the log of truth: list, read, count, verify", load: async () => (await import("./commands/log.ts")).registerLog },
  replay: {
    summary: "the log once more: into a channel, into D1, or only counted",
    load: async () => (await import("./commands/replay.ts")).registerReplay,
  },
  "dead-letters": {
    summary: "what could not be processed, and what to do about it",
    load: async () => (await import("./commands/dead-letters.ts")).registerDeadLetters,
  },
  backup: {
    summary: "databases, configuration and manifests, as they are now",
    load: async () => (await import("./commands/backup.ts")).registerBackup,
  },
  restore: {
    summary: "what a backup would change; with --yes, changes it",
    load: async () => (await import("./commands/restore.ts")).registerRestore,
  },
  assets: {
    summary: "files that the edge serves under /assets",
    load: async () => (await import("./commands/assets.ts")).registerAssets,
  },
  holds: { summary: "what of the log may not expire", load: async () => (await import("./commands/holds.ts")).registerHolds },
  config: {
    summary: "what the edge runs with: read, change, look back, roll back",
    load: async () => (await import("./commands/config.ts")).registerConfig,
  },
  firewall: {
    summary: "who is kept out by rule: read, try out, replace",
    load: async () => (await import("./commands/firewall.ts")).registerFirewall,
  },
  bans: { summary: "networks that are kept out for a time", load: async () => (await import("./commands/bans.ts")).registerBans },
  limits: { summary: "who may ask how often", load: async () => (await import("./commands/limits.ts")).registerLimits },
  cache: { summary: "what is cached; purge it", load: async () => (await import("./commands/cache.ts")).registerCache },
  token: { summary: "tokens of clients: mint and inspect", load: async () => (await import("./commands/token.ts")).registerToken },
  health: {
    summary: "whether events are accepted, and what is slow or down",
    load: async () => (await import("./commands/health.ts")).registerHealth,
  },
  doctor: {
    summary: "what is wrong with bindings, secrets, queues, clocks, and what to do",
    load: async () => (await import("./commands/doctor.ts")).registerDoctor,
  },
  cost: { summary: "what the last hours cost", load: async () => (await import("./commands/cost.ts")).registerCost },
  deploy: {
    summary: "creates and deploys all of it in a Cloudflare account",
    load: async () => (await import("./commands/deploy.ts")).registerDeploy,
  },
  profile: {
    summary: "edges and their keys, kept on this machine",
    load: async () => (await import("./commands/profile.ts")).registerProfile,
  },
  completion: {
    summary: "completes commands and options in a shell",
    load: async () => (await import("./commands/completion.ts")).registerCompletion,
  },
};

const timeoutSecondsMax = 600;

/** Loads what `argv` may name; of the others only their line in the help. */
export async function makeProgram(cli: Cli, argv: readonly string[]): Promise<Command> {
  const program = new Command("arbx")
    .description("Operates an ArbitrageX edge: what it does, what it holds, what it runs with.")
    .option("--profile <name>", "which edge, of those that `arbx profile list` shows")
    .option("--json", "results as JSON, lists that stream as NDJSON, errors as an object on stderr")
    .option("--no-color", "no colours; there are none without a terminal or with NO_COLOR either")
    .addOption(new Option("--timeout <seconds>", "how long the edge may stay silent").default(15).argParser(parseTimeout))
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      "after",
      `\nThe edge: --profile, else ARBX_URL with ARBX_KEY and ARBX_INGEST_KEY, else the profile in use, else local.\n\n${exitCodesHelp}`,
    );
  // Settings of the output come before the commands, which copy them.
  configure(program, cli);
  // A script that completes all commands is made from all of them.
  const isAll = argv.includes("completion");
  for (const [name, entry] of Object.entries(commands)) {
    if (isAll || argv.includes(name)) (await entry.load())(program, cli);
    else program.command(name).description(entry.summary);
  }
  return program;
}

function configure(program: Command, { world: { stdout } }: Cli): void {
  program.exitOverride().configureOutput({
    writeOut: (text) => void stdout.write(text),
    getOutHelpWidth: () => stdout.columns ?? 100,
    getErrHelpWidth: () => stdout.columns ?? 100,
    // run.ts tells what was wrong, in the form that was asked for.
    writeErr: () => undefined,
  });
}

function parseTimeout(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= timeoutSecondsMax) return seconds;
  throw new InvalidArgumentError(`must be a number of seconds up to ${timeoutSecondsMax}.`);
}
