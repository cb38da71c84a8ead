/** `arbx cache`: what is cached for how long, and forgetting it. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import type { Column } from "../output.ts";

interface Policy {
  readonly name: string;
  readonly tag: string;
  readonly ttl_seconds: number;
  readonly shared_by: string;
}

interface PurgeOptions {
  readonly tag?: readonly string[];
  readonly path?: readonly string[];
  readonly everything?: boolean;
}

interface Purged {
  readonly tags: readonly string[];
  readonly everywhere_by: string;
}

const columns: readonly Column<Policy>[] = [
  { title: "POLICY", value: ({ name }) => name },
  { title: "TAG", value: ({ tag }) => tag },
  { title: "SECONDS", value: ({ ttl_seconds: seconds }) => seconds, align: "right" },
  { title: "SHARED BY", value: ({ shared_by: sharedBy }) => sharedBy },
];

export function registerCache(program: Command, cli: Cli): void {
  const cache = program.command("cache").description("what is cached for how long, and forgetting it");
  cache
    .command("show")
    .description("its policies; with --json also what became of requests in the isolate that answers")
    .action(async (_options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      const found = await edge.get<{ readonly policies: readonly Policy[] }>("/ops/cache");
      if (output.json) await output.result(found, () => "");
      else await output.table(found.policies, columns);
    });
  cache
    .command("purge")
    .description("forgets answers: at once where this is asked, everywhere within a minute")
    .option("--tag <tags...>", "by their tag, as `arbx cache show` lists them")
    .option("--path <paths...>", "by their address, such as /api/strategies")
    .option("--everything", "all of them")
    .addHelpText("after", "\nExample: arbx cache purge --tag opportunities")
    .action(async ({ tag, path, everything }: PurgeOptions, command: Command) => {
      if (tag === undefined && path === undefined && everything !== true) throw new CliError("usage", "name --tag, --path or --everything");
      const { edge, output } = cli.open(command);
      const purged = await edge.send<Purged>("POST", "/ops/cache/purge", { body: { tags: tag, paths: path, everything } });
      await output.result(purged, ({ tags, everywhere_by: by }) => `${tags.join(", ")}: forgotten, everywhere by ${by}`);
    });
}
