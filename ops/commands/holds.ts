/** `arbx holds`: what of the log may not expire, and why. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import type { Column } from "../output.ts";
import { iso, parseTime, timeHelp } from "../times.ts";

interface Hold {
  readonly name: string;
  readonly reason: string;
  readonly stream?: string;
  readonly from?: string;
  readonly to?: string;
}

interface HoldOptions {
  readonly reason: string;
  readonly stream?: string;
  readonly from?: number;
  readonly to?: number;
}

const columns: readonly Column<Hold>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "STREAM", value: ({ stream }) => stream ?? "all" },
  { title: "FROM", value: ({ from }) => from ?? "the beginning" },
  { title: "TO", value: ({ to }) => to ?? "without end" },
  { title: "REASON", value: ({ reason }) => reason },
];

export function registerHolds(program: Command, cli: Cli): void {
  const holds = program.command("holds").description("what of the log may not expire");
  const time = (text: string): number => parseTime(text, cli.world.now());
  holds
    .command("list")
    .description("all holds")
    .action(async (_options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.table(await edge.get<readonly Hold[]>("/ops/logs/holds"), columns, "nothing is held");
    });
  holds
    .command("add")
    .description("keeps a part of the log, or replaces the hold of this name")
    .argument("<name>", "lower-case letters, digits and dashes")
    .requiredOption("--reason <text>", "shown to whoever wonders later")
    .option("--stream <name>", "every stream unless said")
    .option("--from <time>", timeHelp, time)
    .option("--to <time>", "without end unless said", time)
    .addHelpText("after", '\nExample: arbx holds add case-17 --reason "asked for by the auditors" --stream executions --from 2026-11-01')
    .action(async (name: string, { reason, stream, from, to }: HoldOptions, command: Command) => {
      const { edge, output } = cli.open(command);
      const body = { reason, stream, from: from === undefined ? undefined : iso(from), to: to === undefined ? undefined : iso(to) };
      const hold = await edge.send<Hold>("PUT", addressOf(name), { body });
      await output.result(hold, () => `${name} is held`);
    });
  holds
    .command("remove")
    .description("lets it expire as the rest does")
    .argument("<name>")
    .action(async (name: string, _options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      const gone = await edge.send<unknown>("DELETE", addressOf(name));
      await output.result(gone, () => `${name} is not held any more`);
    });
}

function addressOf(name: string): string {
  return `/ops/logs/holds/${encodeURIComponent(name)}`;
}
