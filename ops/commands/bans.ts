/** `arbx bans`: networks that are kept out, each until a time. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import { renderTable, type Column } from "../output.ts";
import { iso, parseTime } from "../times.ts";

interface Ban {
  readonly network: string;
  readonly reason: string;
  readonly actor: string;
  readonly since: string;
  readonly until: string;
}

interface Bans {
  readonly bans: readonly Ban[];
  /** Of the isolate that answers. */
  readonly automatic_here: readonly { readonly client: string; readonly until: string; readonly strikes: number }[];
}

const columns: readonly Column<Ban>[] = [
  { title: "NETWORK", value: ({ network }) => network },
  { title: "UNTIL", value: ({ until }) => until },
  { title: "BY", value: ({ actor }) => actor },
  { title: "REASON", value: ({ reason }) => reason },
];
const automaticColumns: readonly Column<Bans["automatic_here"][number]>[] = [
  { title: "CLIENT", value: ({ client }) => client },
  { title: "UNTIL", value: ({ until }) => until },
  { title: "STRIKES", value: ({ strikes }) => strikes, align: "right" },
];

export function registerBans(program: Command, cli: Cli): void {
  const bans = program.command("bans").description("networks that are kept out for a time");
  bans
    .command("list")
    .description("those of operators, and those that the isolate which answers keeps out by itself")
    .action(async (_options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.result(await edge.get<Bans>("/ops/bans"), ({ bans: set, automatic_here: automatic }) =>
        [
          set.length === 0 ? "no bans" : renderTable(set, columns, output.colors),
          ...(automatic.length === 0 ? [] : ["", "by itself, where it answered:", renderTable(automatic, automaticColumns, output.colors)]),
        ].join("\n"),
      );
    });
  bans
    .command("add")
    .description("keeps a network out, or changes until when")
    .argument("<network>", "such as 203.0.113.9 or 2001:db8::/48")
    .requiredOption("--reason <text>", "shown to whoever wonders later")
    .option("--for <length>", 'such as "30m", "2h", "7d"; an hour unless said')
    .action(async (network: string, { reason, for: length }: { reason: string; for?: string }, command: Command) => {
      const { edge, output, world } = cli.open(command);
      const until = length === undefined ? undefined : iso(endOf(length, world.now()));
      const ban = await edge.send<Ban>("POST", "/ops/bans", { body: { network, reason, until } });
      await output.result(ban, ({ network: kept, until: end }) => `${kept} is kept out until ${end}`);
    });
  bans
    .command("remove")
    .description("lets it in again; may come twice")
    .argument("<network>")
    .action(async (network: string, _options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      const lifted = await edge.send<{ network: string; was_banned: boolean }>("DELETE", "/ops/bans", { query: { network } });
      await output.result(lifted, ({ network: free, was_banned: was }) => (was ? `${free} may come again` : `${free} was not kept out`));
    });
}

/** An age counts back; here it counts ahead. */
function endOf(length: string, nowMs: number): number {
  if (!/^\d+[smhd]$/.test(length)) throw new CliError("usage", '--for must be such as "30m", "2h" or "7d"');
  return 2 * nowMs - parseTime(length, nowMs);
}
