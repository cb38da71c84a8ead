/** `npm run deploy:all` and the seed's deploy scripts: one command a part, each safe to run twice. Ends with exit code 1 when something failed, 2 when
 *  it was not asked properly. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parse } from "smol-toml";
import { root } from "../tools/environment.ts";
import { CloudflareApi } from "./api.ts";
import type { RawConfig } from "./config.ts";
import { environments, readValues, settingsOf, SettingsError } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { deployPages } from "./pages.ts";
import { kinds } from "./resources.ts";
import type { Kind } from "./resources.ts";
import { migrate, release, setLifecycles, setUp, smokeTest } from "./steps.ts";
import type { Changes, Run } from "./steps.ts";

interface Options {
  readonly env: Environment;
  readonly dryRun?: boolean;
  readonly url?: string;
  readonly wait: number;
}

type Part = (run: Run) => Promise<Changes>;

const setup =
  (kind: Kind): Part =>
  (run) =>
    setUp(run, [kind]);

const parts: Readonly<Record<string, { readonly about: string; readonly parts: readonly Part[] }>> = {
  all: { about: "everything below, in order", parts: [(run) => setUp(run, kinds), setLifecycles, migrate, release, deployPages] },
  d1: { about: "creates the four databases and brings them to the newest schema", parts: [setup("d1"), setup("kv"), migrate] },
  kv: { about: "creates the KV namespaces", parts: [setup("kv")] },
  r2: { about: "creates the buckets and sets their rules", parts: [setup("r2"), setLifecycles] },
  queues: { about: "creates the queues with their dead-letter queue", parts: [setup("queue")] },
  worker: { about: "deploys code and secrets, asks whether it works, goes back if not", parts: [release] },
  pages: { about: "deploys the Pages project that forwards the seed's addresses", parts: [deployPages] },
  smoke: { about: "asks a deployed edge whether it works", parts: [smokeOnly] },
};

const smokePauseSeconds = 5;

async function smokeOnly(run: Run): Promise<Changes> {
  const problems = await smokeTest(run);
  if (problems.length > 0) throw new Error(`the edge does not work:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
  return { count: 0 };
}

function runOf({ env, dryRun = false, url, wait }: Options): Run {
  const base = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as unknown as RawConfig & { vars: Record<string, string> };
  const settings = settingsOf(env, base.vars, readValues(root, env, process.env));
  const patience = { attempts: Math.max(1, Math.ceil(wait / smokePauseSeconds)), pauseMs: smokePauseSeconds * 1_000 };
  return { root, base, settings, api: new CloudflareApi(settings.account), dryRun, url, patience, say: (line) => console.log(line) };
}

async function perform(name: string, options: Options): Promise<void> {
  const run = runOf(options);
  console.log(`${options.env}, account ${run.settings.account.id}${run.dryRun ? ": a dry run, nothing is changed" : ""}`);
  let count = 0;
  for (const part of parts[name]?.parts ?? []) count += (await part(run)).count;
  if (run.dryRun) console.log(count === 0 ? "nothing would change" : `${count} changes would be made`);
  else console.log(count === 0 ? "nothing had to change" : `${count} changes made`);
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("must be a whole number of seconds.");
}

const program = new Command("deploy").description("Creates what the edge needs in a Cloudflare account, and deploys it.").exitOverride();
for (const [name, { about }] of Object.entries(parts)) {
  program
    .command(name)
    .description(about)
    .addOption(new Option("--env <name>", "which environment").choices(environments).default("staging"))
    .option("--dry-run", "print what would be done and change nothing")
    .option("--url <address>", "where the deployed edge answers, if not at its own address")
    .addOption(new Option("--wait <seconds>", "how long a check may take to hold").default(60).argParser(seconds))
    .action((options: Options) => perform(name, options));
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof SettingsError ? 2 : 1;
  }
}
