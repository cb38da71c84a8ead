/** Dead letters as the edge lists them, and which of them a filter means: the edge knows state and queue, the rest is looked at here. */
import type { Command } from "commander";
import type { Session } from "../cli.ts";
import { CliError } from "../errors.ts";

export interface Letter {
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly state: string;
  readonly parked_at: string;
  readonly attempts?: number;
  readonly parks: number;
  readonly redrives: number;
  readonly handled_at?: string;
  readonly positions?: { readonly stream: string; readonly epoch: string; readonly first: number; readonly last: number };
}

export interface WholeLetter extends Letter {
  readonly events?: readonly unknown[];
  readonly unreadable?: string;
  readonly body?: unknown;
}

export interface LetterFilter {
  readonly state?: string | undefined;
  readonly queue?: string;
  readonly stream?: string;
  readonly match?: string;
}

/** What one command handles at most: more than that is an outage, which is looked at first. */
const lettersMax = 100_000;

export function filterOptions(command: Command): Command {
  return command
    .option("--queue <name>", "read from this queue: inbox, hot-cache, event-log")
    .option("--stream <name>", "of this stream")
    .option("--match <text>", "whose reason holds this text");
}

export async function* lettersOf({ edge }: Session, filter: LetterFilter & { readonly order?: "oldest" }): AsyncGenerator<Letter> {
  const { state, queue, order, stream, match } = filter;
  for await (const letter of edge.pages<Letter>("/ops/dead-letters", { query: { state, queue, order, limit: 100 } })) {
    if (stream !== undefined && letter.positions?.stream !== stream) continue;
    if (match === undefined || letter.reason.includes(match)) yield letter;
  }
}

/** Ids of those that wait and fit, the oldest first. Listed to the end before the first is handled: handling moves the pages. */
export async function chosenLetters(session: Session, filter: LetterFilter): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of lettersOf(session, { ...filter, state: "kept", order: "oldest" })) {
    ids.push(id);
    if (ids.length > lettersMax)
      throw new CliError("failed", `more than ${lettersMax} letters fit: narrow the filter`, { code: "TOO_MANY" });
  }
  return ids;
}
