/** `arbx publish`: posts events of NDJSON by the publisher, which batches, waits and repeats safely. Which lines there are is
 *  publish-lines.ts's; what was refused is told with its line. */
import { Option, type Command } from "commander";
import { createPublisher, type Publisher, type PublishResult } from "../../sdk/publisher/index.ts";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import type { exitCodes } from "../exit-codes.ts";
import { printable } from "../output.ts";
import { requireKey } from "../profiles.ts";
import { startProgress } from "../progress.ts";
import { checkFile, readEvents } from "./publish-lines.ts";

interface PublishOptions {
  readonly source: string;
  readonly queued?: boolean;
  readonly giveUp: number;
}

/** Held at once: what a Ctrl-C leaves unknown is at most this. */
const bufferEventsMax = 5_000;
const toldMax = 20;

export function registerPublish(program: Command, cli: Cli): void {
  program
    .command("publish")
    .description("posts events, one JSON object a line: {type, data, id?, source?, time?}")
    .argument("<file>", 'NDJSON; "-" for stdin')
    .option("--source <name>", "for events that name none", "arbx")
    .option("--queued", "skips the fast lane: for bulk and backfills")
    .addOption(new Option("--give-up <seconds>", "tries so long while the edge does not answer").default(30).argParser(Number))
    .addHelpText("after", "\nPublishing a file again is safe where its events carry ids.\nExample: arbx publish events.ndjson")
    .action(async (file: string, options: PublishOptions, command: Command) => {
      const session = cli.open(command);
      const publisher = publisherOf(session, options);
      // A file that is wrong in its last line publishes nothing; stdin cannot be read twice.
      if (file !== "-") await checkFile(session.world, file);
      const tally = new Tally(session);
      cli.whenInterrupted(() => `${tally.durable} events are durable; publishing again is safe where events carry ids`);
      await publishAll(session, publisher, { file, tally });
      await tally.conclude();
    });
}

function publisherOf({ world, target }: Session, { source, queued = false, giveUp }: PublishOptions): Publisher {
  return createPublisher({
    url: target.url,
    key: requireKey(target, "ingestKey"),
    fetch: world.fetch,
    random: world.random,
    source,
    bufferEventsMax,
    giveUpAfterMs: giveUp * 1_000,
    delivery: queued ? "queued" : "live",
  });
}

async function publishAll(
  { world, signal }: Session,
  publisher: Publisher,
  { file, tally }: { readonly file: string; readonly tally: Tally },
): Promise<void> {
  const progress = startProgress(world.stderr, { label: "publish", unit: "events", now: world.now });
  // What is in flight is dropped, not waited for.
  const stop = (): void => void publisher.close(0);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const { line, event } of readEvents(world, file)) {
      await publisher.ready();
      if (tally.failure !== undefined) break;
      void publisher.publish(event).then(
        (result) => tally.add(line, result),
        (error: unknown) => tally.misuse(line, error),
      );
      progress.update({ done: tally.done });
    }
  } finally {
    // Also after a line that cannot be read: what came before it was promised to the edge.
    if (!signal.aborted) await publisher.flush();
    await publisher.close(0);
    signal.removeEventListener("abort", stop);
    progress.update({ done: tally.done });
    progress.end();
  }
  signal.throwIfAborted();
}

/** What became of the events. */
class Tally {
  readonly #session: Session;
  durable = 0;
  rejected = 0;
  failed = 0;
  /** The first event that is not known to have arrived: what follows would fare alike. */
  failure: { readonly line: number; readonly code: string; readonly message: string } | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  get done(): number {
    return this.durable + this.rejected + this.failed;
  }

  add(line: number, result: PublishResult): void {
    this[result.kind] += 1;
    if (result.kind === "failed") this.failure ??= { line, code: result.code, message: result.message };
    if (result.kind !== "rejected" || this.rejected > toldMax) return;
    const { output } = this.#session;
    const { id, code, message, path } = result;
    const text = `line ${line}: ${code}${path === undefined ? "" : ` [${path}]`}: ${printable(message)}`;
    void output.note(output.json ? JSON.stringify({ rejected: { line, id, code, message, path } }) : text);
  }

  misuse(line: number, error: unknown): void {
    this.add(line, { kind: "failed", id: "", code: "CLOSED", message: String(error) });
  }

  /** Throws unless all are durable. */
  async conclude(): Promise<void> {
    const { durable, rejected, failed, failure } = this;
    await this.#session.output.result({ durable, rejected, failed }, () => `${durable} durable, ${rejected} rejected, ${failed} failed`);
    if (failure !== undefined) {
      const { line, code, message } = failure;
      const advice = `from line ${line} on, nothing is known to have arrived`;
      throw new CliError(exitOf[code] ?? "failed", message, { code, advice });
    }
    if (rejected > 0) throw new CliError("failed", `the edge refuses ${rejected} events`, { code: "REJECTED" });
  }
}

const exitOf: Readonly<Record<string, keyof typeof exitCodes>> = {
  NO_ANSWER: "unreachable",
  UNAUTHORIZED: "refused",
  FORBIDDEN: "refused",
};
