/** `arbx tail`: a channel's events as they come, over the SDK, which recovers what a broken connection missed and tells of what it cannot. */
import { Option, type Command } from "commander";
import { connect, type Channel, type ChannelName, type Client, type EdgeError } from "../../sdk/client/index.ts";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import type { exitCodes } from "../exit-codes.ts";
import { parsePositive, parseSince, renderEvent, renderPosition, type Tailed, type TailOptions } from "./tail-lines.ts";
import { Lines } from "./tail-output.ts";
import { tokenSource } from "./tail-token.ts";

export function registerTail(program: Command, cli: Cli): void {
  program
    .command("tail")
    .description("events of a channel as they come, each once; holes are announced on stderr")
    .argument("<channel>", "such as opportunities, or opportunities:ethereum for one chain")
    .option("--chain <name>", "only events of this chain")
    .option("--dex <name>", "…of this venue")
    .option("--token-pair <pair>", "…of this pair")
    .option("--strategy <id>", "…of this strategy")
    .option("--status <status>", "…in this state")
    .option("--min-profit <decimal>", "…with at least this profit")
    .addOption(new Option("--max-risk <number>", "…with at most this risk").argParser(Number))
    .option("--type <types...>", "…of these types, such as opportunity.detected")
    .addOption(new Option("--since <position>", "begins behind EPOCH:OFFSET, or with the last 100, 30s, 5m").argParser(parseSince))
    .addOption(new Option("-n, --limit <count>", "ends after so many events").argParser(parsePositive))
    .addHelpText("after", "\nExample: arbx tail opportunities --chain ethereum --min-profit 10 --json | jq .data.estimated_profit")
    .action(async (channel: string, options: TailOptions, command: Command) => {
      await tail(cli, cli.open(command), { ...options, channel });
    });
}

async function tail(cli: Cli, session: Session, options: TailOptions & { readonly channel: string }): Promise<void> {
  const token = await tokenSource(session, options.channel);
  const client = connect({ url: session.target.url, token, random: session.world.random, now: session.world.now });
  const lines = new Lines(session);
  try {
    const channel = openChannel(client, options);
    cli.whenInterrupted(() => goOn(options.channel, channel));
    await new Promise<void>((resolve, reject) => {
      session.signal.addEventListener("abort", () => reject(session.signal.reason), { once: true });
      if (session.signal.aborted) reject(session.signal.reason);
      follow({ client, channel, lines, options }, { resolve, reject });
    });
  } finally {
    // What the end of the connection would say is no news.
    lines.end();
    client.close();
    await lines.written();
  }
}

function openChannel(client: Client, { channel, ...options }: TailOptions & { readonly channel: string }): Channel<Tailed["data"]> {
  const { chain, dex, tokenPair, strategy, status, minProfit, maxRisk } = options;
  const filters = Object.entries({
    chain,
    dex,
    token_pair: tokenPair,
    strategy_id: strategy,
    status,
    min_profit: minProfit,
    max_risk: maxRisk,
  });
  try {
    const given = Object.fromEntries(filters.filter(([, value]) => value !== undefined));
    return client.channel(channel as ChannelName, { filters: given, reload: false, ...options.since }) as unknown as Channel<
      Tailed["data"]
    >;
  } catch (error) {
    throw new CliError("notFound", `there is no channel "${channel}"`, { cause: error, advice: "arbx channels lists the streams" });
  }
}

interface Following {
  readonly client: Client;
  readonly channel: Channel<Tailed["data"]>;
  readonly lines: Lines;
  readonly options: TailOptions;
}

function follow(
  { client, channel, lines, options }: Following,
  { resolve, reject }: { resolve(): void; reject(error: unknown): void },
): void {
  const types = options.type?.map((type) => type.replaceAll(".", "_"));
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let wasLive = false;
  channel.on("event", (event) => {
    if (left <= 0 || types?.includes(event.type) === false) return;
    lines.event(event, renderEvent);
    left -= 1;
    if (left <= 0) resolve();
  });
  channel.on("subscribed", ({ position, recovered }) => {
    const how = wasLive ? (recovered ? "connected again, nothing missed" : "connected again") : "connected";
    lines.notice("subscribed", `${how}, at ${renderPosition(position)}`, { position, recovered });
    wasLive = true;
  });
  channel.on("lost", ({ from, to }) => {
    const start = from === undefined ? "the beginning" : renderPosition(from);
    lines.notice("lost", `HOLE: what lies between ${start} and ${renderPosition(to)} is not coming; arbx log cat has it`, { from, to });
  });
  channel.on("ended", ({ code, reason }) => reject(refused(code, reason)));
  client.on("status", (status) => {
    if (status === "waiting" && wasLive) lines.notice("disconnected", "the connection is gone; trying again", {});
  });
  client.on("error", ({ code, message }: EdgeError) => {
    if (code in exitOf) reject(refused(code, message));
    else lines.notice("error", `${code}: ${message}`, { code, message });
  });
}

const exitOf: Readonly<Record<string, keyof typeof exitCodes>> = {
  UNAUTHORIZED: "refused",
  FORBIDDEN: "refused",
  NOT_FOUND: "notFound",
  INVALID_PARAMETERS: "usage",
};

function refused(code: string, reason: string): CliError {
  return new CliError(exitOf[code] ?? "failed", reason === "" ? "the edge ended the subscription" : reason, { code });
}

function goOn(name: string, { position }: Pick<Channel<unknown>, "position">): string | undefined {
  return position === undefined ? undefined : `go on where this ended: arbx tail ${name} --since ${renderPosition(position)}`;
}
