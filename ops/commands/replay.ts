/** `arbx replay`: starts a replay of the log, watches it, pauses, resumes and cancels it. The edge replays by itself: Ctrl-C ends the watching
 *  alone, unless --cancel-on-interrupt. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Replay, ReplayMode, ReplayState } from "../../schemas/replay.ts";
import type { Cli, Session } from "../cli.ts";
import { CliError, messageOf } from "../errors.ts";
import { iso, parseTime, timeHelp } from "../times.ts";
import { collectList, firstOf, wholeNumber } from "./arguments.ts";
import { follow, lastWords } from "./follow.ts";
import { isAtRest, reachedOf, renderReplay, replayColumns } from "./replay-view.ts";

interface FollowOptions {
  readonly follow?: boolean;
  readonly cancelOnInterrupt?: boolean;
}

interface StartOptions extends FollowOptions {
  readonly stream: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly mode: ReplayMode;
  readonly pace: string;
  readonly type?: readonly string[];
  readonly entity?: readonly string[];
  readonly rateMax?: number;
  readonly deliveryLimit?: number;
  readonly verify?: boolean;
}

// Kept beside the command: a value of schemas/ would bring zod with it, and a second of start.
const modes: readonly ReplayMode[] = ["dry-run", "channel", "rebuild"];
const states: readonly ReplayState[] = ["queued", "running", "paused", "cancelled", "done", "failed"];
const cancelTimeoutMs = 5_000;

export function registerReplay(program: Command, cli: Cli): void {
  const replay = program.command("replay").description("the log once more: into a channel of its own, into D1, or only counted");
  registerStart(replay, cli);
  registerReading(replay, cli);
  registerSteering(replay, cli);
}

function registerStart(replay: Command, cli: Cli): void {
  const time = (text: string): number => parseTime(text, cli.world.now());
  const start = replay
    .command("start")
    .description("orders one; by default a dry run, which counts and sends nothing")
    .requiredOption("--stream <names>", "one or several, separated by commas", collectList)
    .requiredOption("--from <time>", timeHelp, time)
    .requiredOption("--to <time>", "exclusive", time)
    .addOption(new Option("--mode <mode>", "what becomes of the events").choices(modes).default("dry-run"))
    .addOption(new Option("--pace <pace>", 'instant, original, or a factor such as "x10"').default("instant").argParser(parsePace))
    .option("--type <types>", "only these, such as opportunity.detected", collectList)
    .option("--entity <ids>", "only these entities", collectList)
    .option("--rate-max <events>", "a second, at most: protects live traffic", wholeNumber(1, 1_000_000))
    .option("--delivery-limit <events>", "sends no more than so many", wholeNumber(1, 999_999_999))
    .option("--verify", "rebuild only: compares row for row in a fresh table");
  followOptions(start)
    .addHelpText("after", "\nExample: arbx replay start --stream opportunities --from 2h --to 1h --mode channel --pace x10 --follow")
    .action(async (options: StartOptions, command: Command) => {
      if (options.to <= options.from) throw new CliError("usage", "--from must be before --to");
      const session = cli.open(command);
      const replay = await session.edge.send<Replay>("POST", "/ops/replays", { body: orderOf(options) });
      if (options.follow === true) return await watch(session, cli, { ...options, replay });
      await session.output.result(replay, renderReplay);
      if (!session.output.json) await session.output.note(`watch it: arbx replay show ${replay.id} --follow`);
    });
}

function orderOf({ stream, from, to, mode, pace, ...options }: StartOptions): object {
  return {
    mode,
    streams: stream,
    from: iso(from),
    to: iso(to),
    pace,
    types: options.type,
    entities: options.entity,
    events_per_second_max: options.rateMax,
    delivery_limit: options.deliveryLimit,
    verify: options.verify,
  };
}

function registerReading(replay: Command, cli: Cli): void {
  replay
    .command("list")
    .description("the newest first")
    .addOption(new Option("--state <state>").choices(states))
    .option("--limit <count>", "how many at most", wholeNumber(1, 10_000), 20)
    .action(async ({ state, limit }: { state?: string; limit: number }, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.table(await firstOf<Replay>(edge, "/ops/replays", { limit, query: { state } }), replayColumns, "no replays");
    });
  followOptions(replay.command("show").description("how far it is, and what came of it").argument("<id>"))
    .addHelpText("after", "\nWith --follow it ends with 1 unless the replay is done.")
    .action(async (id: string, options: FollowOptions, command: Command) => {
      const session = cli.open(command);
      const found = await session.edge.get<Replay>(addressOf(id));
      if (options.follow === true) return await watch(session, cli, { ...options, replay: found });
      await session.output.result(found, renderReplay);
    });
}

function registerSteering(replay: Command, cli: Cli): void {
  const verbs = {
    pause: { about: "stops where it is; resume goes on from there", method: "POST", path: "/pause" },
    resume: { about: "goes on with one that is paused, cancelled or failed", method: "POST", path: "/resume" },
    cancel: { about: "ends it; may come twice", method: "DELETE", path: "" },
  } as const;
  for (const [name, { about, method, path }] of Object.entries(verbs)) {
    replay
      .command(name)
      .description(about)
      .argument("<id>")
      .action(async (id: string, _options: object, command: Command) => {
        const { edge, output } = cli.open(command);
        await output.result(await edge.send<Replay>(method, `${addressOf(id)}${path}`), renderReplay);
      });
  }
}

function followOptions(command: Command): Command {
  return command
    .option("--follow", "watches it to its end, with rate and ETA; Ctrl-C leaves it running")
    .option("--cancel-on-interrupt", "with --follow: Ctrl-C cancels it");
}

/** Throws unless it ended as it should. */
async function watch(session: Session, cli: Cli, options: FollowOptions & { readonly replay: Replay }): Promise<void> {
  const { id, state } = options.replay;
  const goesOn = `replay ${id} goes on in the edge; watch it: arbx replay show ${id} --follow; stop it: arbx replay cancel ${id}`;
  cli.whenInterrupted(() => goesOn);
  if (!session.output.json) await session.output.note(`replay ${id} is ${state}`);
  try {
    const label = `replay ${id}`;
    const ended = await follow<Replay>(session, { label, unit: "events", path: addressOf(id), rests: isAtRest, reached: reachedOf });
    await session.output.result(ended, renderReplay);
    if (ended.state !== "done") throw endedAs(ended);
  } catch (error) {
    if (!session.signal.aborted) throw error;
    if (options.cancelOnInterrupt === true) {
      const left = await cancelAfterAll(session, id);
      cli.whenInterrupted(() => left ?? goesOn);
    }
    throw session.signal.reason;
  }
}

async function cancelAfterAll(session: Session, id: string): Promise<string> {
  try {
    const { state } = await lastWords(session, cancelTimeoutMs).send<Replay>("DELETE", addressOf(id));
    return `replay ${id} was told to stop: it is ${state}`;
  } catch (error) {
    return `replay ${id} could NOT be cancelled (${messageOf(error)}) and goes on; try again: arbx replay cancel ${id}`;
  }
}

function endedAs({ id, state, error }: Replay): CliError {
  const resume = `go on from where it stands: arbx replay resume ${id}`;
  return new CliError("failed", `replay ${id} is ${state}${error === undefined ? "" : `: ${error}`}`, {
    code: `REPLAY_${state.toUpperCase()}`,
    advice: resume,
  });
}

function parsePace(text: string): string {
  if (/^(instant|original|x\d{1,4}(\.\d{1,3})?)$/.test(text)) return text;
  throw new InvalidArgumentError('must be instant, original, or a factor such as "x10".');
}

function addressOf(id: string): string {
  return `/ops/replays/${encodeURIComponent(id)}`;
}
