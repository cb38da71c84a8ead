/** Handles many dead letters, some at a time, with a counter: what a Ctrl-C leaves is whole letters, sent or waiting. */
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { printable } from "../output.ts";
import { startProgress } from "../progress.ts";

interface Failed {
  readonly id: string;
  readonly reason: string;
}

/** Each is a read and a message: so many take the edge a few seconds, and the counter moves. */
const redriveBatch = 20;
const discardBatch = 100;
const failuresShown = 20;
/** A batch works before it answers. */
const batchTimeoutMs = 60_000;

export async function redriveAll(session: Session, cli: Cli, ids: readonly string[]): Promise<void> {
  const failed: Failed[] = [];
  let redriven = 0;
  const handle = async (batch: readonly string[]): Promise<void> => {
    const answer = await session.edge.send<{ redriven: readonly unknown[]; failed: readonly Failed[] }>(
      "POST",
      "/ops/dead-letters/redrive",
      {
        body: { ids: batch },
        timeoutMs: batchTimeoutMs,
      },
    );
    redriven += answer.redriven.length;
    failed.push(...answer.failed);
  };
  await inBatches(session, cli, { ids, size: redriveBatch, label: "redrive", done: () => redriven + failed.length, handle });
  await session.output.result({ redriven, failed }, () =>
    [
      `${redriven} were sent again, ${failed.length} could not be`,
      ...failed.slice(0, failuresShown).map(({ id, reason }) => `  ${id}: ${printable(reason)}`),
    ].join("\n"),
  );
  if (failed.length > 0)
    throw new CliError("failed", `${failed.length} letters could not be sent: they wait on`, { code: "REDRIVE_FAILED" });
}

export async function discardAll(
  session: Session,
  cli: Cli,
  { ids, comment }: { readonly ids: readonly string[]; readonly comment: string },
): Promise<void> {
  const discarded: string[] = [];
  const unknown: string[] = [];
  const handle = async (batch: readonly string[]): Promise<void> => {
    const body = { ids: batch, comment };
    const answer = await session.edge.send<{ discarded: readonly string[]; unknown: readonly string[] }>(
      "POST",
      "/ops/dead-letters/discard",
      { body },
    );
    discarded.push(...answer.discarded);
    unknown.push(...answer.unknown);
  };
  await inBatches(session, cli, { ids, size: discardBatch, label: "discard", done: () => discarded.length + unknown.length, handle });
  await session.output.result({ discarded, unknown }, () => `${discarded.length} are given up`);
  if (unknown.length > 0) throw new CliError("notFound", `there are no such letters: ${unknown.join(", ")}`);
}

interface Batches {
  readonly ids: readonly string[];
  readonly size: number;
  readonly label: string;
  done(): number;
  handle(batch: readonly string[]): Promise<void>;
}

async function inBatches({ world, signal }: Session, cli: Cli, { ids, size, label, done, handle }: Batches): Promise<void> {
  const progress = startProgress(world.stderr, { label, unit: "letters", now: world.now });
  cli.whenInterrupted(() => `${done()} of ${ids.length} letters are done, and at most ${size} more; the others wait on: say it again`);
  try {
    for (let start = 0; start < ids.length; start += size) {
      signal.throwIfAborted();
      await handle(ids.slice(start, start + size));
      progress.update({ done: done(), total: ids.length });
    }
  } finally {
    progress.end();
  }
}
