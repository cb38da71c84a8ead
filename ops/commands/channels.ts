/** `arbx channels`: where each stream stands, who listens to it, and in which regions. */
import type { Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import type { Column } from "../output.ts";

interface ChannelStatus {
  readonly stream: string;
  readonly reachable: boolean;
  readonly epoch?: string;
  readonly top?: number;
  readonly first?: number;
  readonly settled?: number;
  readonly outbox?: Readonly<Record<string, number>>;
  readonly relays?: readonly { readonly relay: string; readonly position: number; readonly behind: boolean }[];
}

interface Presence {
  readonly clients: number;
  readonly users: number;
  /** Relays that did not say whom they serve. */
  readonly relays_silent: number;
}

interface Shown extends ChannelStatus {
  readonly presence: Presence | undefined;
}

export function registerChannels(program: Command, cli: Cli): void {
  program
    .command("channels")
    .description("where each stream stands: positions, subscribers, regions")
    .argument("[streams...]", "all, unless named")
    .addHelpText("after", "\nEnds with 1 when a stream does not answer.\nExample: arbx channels opportunities --json")
    .action(async (streams: readonly string[], _options: object, command: Command) => {
      const session = cli.open(command);
      const channels = await readChannels(session, streams);
      await session.output.table(channels, columnsOf(session));
      const silent = channels.filter(({ reachable }) => !reachable).map(({ stream }) => stream);
      if (silent.length > 0) throw new CliError("failed", `no answer from: ${silent.join(", ")}`, { code: "STREAM_SILENT" });
    });
}

async function readChannels({ edge }: Session, wanted: readonly string[]): Promise<readonly Shown[]> {
  const all = await edge.get<readonly ChannelStatus[]>("/ops/channels");
  const unknown = wanted.filter((name) => !all.some(({ stream }) => stream === name));
  if (unknown.length > 0)
    throw new CliError("notFound", `there is no stream ${unknown.join(", ")}`, {
      advice: `there are: ${all.map(({ stream }) => stream).join(", ")}`,
    });
  const shown = all.filter(({ stream }) => wanted.length === 0 || wanted.includes(stream));
  return await Promise.all(
    shown.map(async (status) => ({
      ...status,
      // Who listens is beside the point where a stream cannot even tell its positions.
      presence: status.reachable ? await edge.get<Presence>(`/api/channels/${status.stream}/presence`).catch(() => undefined) : undefined,
    })),
  );
}

function columnsOf({ output: { colors } }: Session): readonly Column<Shown>[] {
  return [
    { title: "STREAM", value: ({ stream }) => stream, paint: (text, { reachable }) => (reachable ? colors.bold(text) : colors.red(text)) },
    { title: "EPOCH", value: ({ epoch, reachable }) => (reachable ? epoch : "does not answer") },
    { title: "FIRST", value: ({ first }) => first, align: "right" },
    { title: "TOP", value: ({ top }) => top, align: "right" },
    {
      title: "UNSETTLED",
      value: ({ top, settled }) => (top === undefined || settled === undefined ? undefined : top - settled),
      align: "right",
    },
    { title: "OUTBOX", value: ({ outbox }) => (outbox === undefined ? undefined : sum(Object.values(outbox))), align: "right" },
    { title: "USERS", value: ({ presence }) => presence?.users, align: "right" },
    { title: "SOCKETS", value: ({ presence }) => presence?.clients, align: "right" },
    { title: "REGIONS", value: ({ relays }) => (relays === undefined ? undefined : regionsOf(relays)) },
  ];
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** "weur:2 enam:1 (1 behind)": relays by region; a relay is named `relay:{region}:{shard}`. */
export function regionsOf(relays: NonNullable<ChannelStatus["relays"]>): string {
  const counts = new Map<string, number>();
  for (const { relay } of relays) {
    const region = relay.split(":")[1] ?? relay;
    counts.set(region, (counts.get(region) ?? 0) + 1);
  }
  const behind = relays.filter((relay) => relay.behind).length;
  const regions = [...counts].map(([region, count]) => `${region}:${count}`).join(" ");
  return `${regions === "" ? "none" : regions}${behind === 0 ? "" : ` (${behind} behind)`}`;
}
