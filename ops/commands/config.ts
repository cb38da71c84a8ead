/** `arbx config`: what operators change while the edge runs. Each change names the version it was made from, so that nobody overwrites what
 *  somebody else has just written. */
import type { Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { parseJson, readInput } from "../input.ts";
import type { Column } from "../output.ts";
import { parsePositive } from "./tail-lines.ts";
import { readPath, withPath, type Json } from "./config-path.ts";

interface Version {
  readonly version: number;
  readonly at: string;
  readonly actor: string;
  readonly comment: string;
}

interface Current extends Version {
  /** Absent when what is deployed cannot read it. */
  readonly config?: Json;
  readonly environment?: Json;
}

interface ChangeOptions {
  readonly comment?: string;
  readonly file?: string;
}

/** As the edge takes it. */
const configBytesMax = 1_048_576;

const columns: readonly Column<Version>[] = [
  { title: "VERSION", value: ({ version }) => version, align: "right" },
  { title: "AT", value: ({ at }) => at },
  { title: "BY", value: ({ actor }) => actor },
  { title: "COMMENT", value: ({ comment }) => comment },
];

export function registerConfig(program: Command, cli: Cli): void {
  const config = program.command("config").description("what the edge runs with");
  config
    .command("get")
    .description("the configuration in force, or one part of it; --json adds version and the deployment's variables")
    .argument("[path]", "such as limits.tiers.anonymous")
    .action(async (path: string | undefined, _options: object, command: Command) => {
      await show(cli.open(command), path);
    });
  const set = config
    .command("set")
    .description("changes one part, or with --file all of it")
    .argument("[path]", "such as under_attack, or limits.tiers.anonymous.requests")
    .argument("[value]", "JSON, or a word")
    .option("--file <file>", 'the whole configuration; "-" for stdin')
    .option("--comment <text>", "why; kept in the history")
    .addHelpText("after", '\nExample: arbx config set under_attack true --comment "flood from one network"')
    .action(async (path: string | undefined, value: string | undefined, options: ChangeOptions) => {
      await change(cli.open(set), { ...options, path, value });
    });
  config
    .command("history")
    .description("the last versions: who changed it, when and why")
    .action(async (_options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.table(await edge.get<readonly Version[]>("/ops/config/history"), columns);
    });
  config
    .command("rollback")
    .description("an old version's content as a new version")
    .argument("<version>", "as `arbx config history` lists it", parsePositive)
    .option("--comment <text>", "why")
    .action(async (version: number, { comment }: ChangeOptions, command: Command) => {
      const { edge, output } = cli.open(command);
      const changed = await edge.send<Current>("POST", "/ops/config/rollback", { body: { version, comment } });
      await output.result(changed, () => `version ${changed.version} holds what version ${version} held`);
    });
}

async function show({ edge, output }: Session, path: string | undefined): Promise<void> {
  const current = await edge.get<Current>("/ops/config");
  if (path === undefined) return await output.result(current, ({ config }) => pretty(requireConfig(current, config)));
  const part = readPath(requireConfig(current, current.config), path);
  if (part === undefined) throw new CliError("notFound", `the configuration has no ${path}`);
  await output.result(part, pretty);
}

async function change(
  session: Session,
  wish: ChangeOptions & { readonly path: string | undefined; readonly value: string | undefined },
): Promise<void> {
  const { path, value, file, comment } = wish;
  const isWhole = file !== undefined;
  if (isWhole ? path !== undefined : path === undefined || value === undefined)
    throw new CliError("usage", "say either PATH and VALUE, or --file");
  const { edge, output, world } = session;
  // Read before the edge is asked: a file that is wrong changes nothing, and the version is as fresh as it can be.
  const whole = isWhole ? (parseJson(await readInput(world, file, configBytesMax), file) as Json) : undefined;
  const current = await edge.get<Current>("/ops/config");
  const config = whole ?? withPath(requireConfig(current, current.config), path ?? "", valueOf(value ?? ""));
  const changed = await edge.send<Current>("PUT", "/ops/config", {
    body: { comment, config },
    headers: { "if-match": `"${current.version}"` },
  });
  await output.result(changed, ({ version }) => `version ${version} is in force, everywhere within a minute`);
}

function requireConfig({ version }: Version, config: Json | undefined): Json {
  if (config !== undefined) return config;
  throw new CliError("failed", `version ${version} cannot be read by what is deployed now`, {
    advice: "arbx config history, then rollback",
  });
}

/** What is no JSON is a word. */
function valueOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function pretty(value: Json): string {
  return JSON.stringify(value, null, 2);
}
