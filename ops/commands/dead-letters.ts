/** `arbx dead-letters`: what could not be processed, and what to do about it: look, send again as it is or corrected, or give it up. */
import { Option, type Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { renderPairs, type Column } from "../output.ts";
import { wholeNumber } from "./arguments.ts";
import { editLetter } from "./dead-letters-edit.ts";
import { chosenLetters, filterOptions, lettersOf, type Letter, type LetterFilter, type WholeLetter } from "./dead-letters-list.ts";
import { discardAll, redriveAll } from "./dead-letters-many.ts";

const columns: readonly Column<Letter>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "STATE", value: ({ state }) => state },
  { title: "QUEUE", value: ({ queue }) => queue },
  { title: "POSITIONS", value: positionsOf },
  { title: "PARKED", value: ({ parked_at: at }) => at },
  { title: "REDRIVES", value: ({ redrives }) => redrives, align: "right" },
  { title: "REASON", value: ({ reason }) => reason.slice(0, 80) },
];

export function registerDeadLetters(program: Command, cli: Cli): void {
  const letters = program.command("dead-letters").description("what could not be processed, why, and what to do about it");
  registerReading(letters, cli);
  registerRetry(letters, cli);
  registerMany(letters, cli);
}

function registerReading(letters: Command, cli: Cli): void {
  filterOptions(letters.command("list"))
    .description("those that wait, the newest first")
    .addOption(new Option("--state <state>").choices(["kept", "redriven", "discarded", "all"]).default("kept"))
    .option("--limit <count>", "how many at most", wholeNumber(1, 10_000), 50)
    .action(async ({ state, limit, ...filter }: LetterFilter & { state: string; limit: number }, command: Command) => {
      const session = cli.open(command);
      const found: Letter[] = [];
      for await (const letter of lettersOf(session, { ...filter, state: state === "all" ? undefined : state })) {
        found.push(letter);
        if (found.length >= limit) break;
      }
      await session.output.table(found, columns, "no dead letters");
    });
  letters
    .command("show")
    .description("one, with its events")
    .argument("<id>")
    .action(async (id: string, _options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.result(await edge.get<WholeLetter>(addressOf(id)), renderLetter);
    });
}

interface RetryOptions {
  readonly edit?: boolean;
  readonly comment?: string;
}

function registerRetry(letters: Command, cli: Cli): void {
  letters
    .command("retry")
    .description("sends one again, as it is or corrected; a correction keeps its positions")
    .argument("<id>")
    .option("--edit", "opens it in $VISUAL or $EDITOR first; unchanged, nothing is sent")
    .option("--comment <text>", "kept with it")
    .action(async (id: string, { edit, comment }: RetryOptions, command: Command) => {
      const session = cli.open(command);
      const correction = edit === true ? await editLetter(session, cli, await session.edge.get<WholeLetter>(addressOf(id))) : {};
      const sent = await session.edge.send<{ queue: string; redrives: number }>("POST", `${addressOf(id)}/redrive`, {
        body: { ...correction, comment },
      });
      await session.output.result(sent, ({ queue, redrives }) => `${id} was sent to ${queue}, for the ${redrives}. time`);
    });
}

interface ManyOptions extends LetterFilter {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

function registerMany(letters: Command, cli: Cli): void {
  filterOptions(letters.command("redrive"))
    .description("sends many again as they are: those named, or with --all those that wait and fit")
    .argument("[ids...]")
    .option("--all", "all that wait and fit the filter, the oldest first")
    .option("--dry-run", "says which, and sends nothing")
    .addHelpText(
      "after",
      "\nEnds with 1 when some could not be sent: they wait on.\nExample: arbx dead-letters redrive --all --stream executions",
    )
    .action(async (ids: readonly string[], options: ManyOptions, command: Command) => {
      const session = cli.open(command);
      const chosen = await choose(session, ids, options);
      if (options.dryRun === true)
        return await session.output.result({ would_redrive: chosen }, () => `${chosen.length} would be sent again`);
      await redriveAll(session, cli, chosen);
    });
  filterOptions(letters.command("discard"))
    .description("gives letters up: they are kept, and wait no longer")
    .argument("[ids...]")
    .requiredOption("--reason <text>", "for whoever asks later")
    .option("--all", "all that wait and fit the filter")
    .option("--dry-run", "says which, and gives up nothing")
    .action(async (ids: readonly string[], options: ManyOptions & { readonly reason: string }, command: Command) => {
      const session = cli.open(command);
      const { reason, ...filter } = options;
      const chosen = await choose(session, ids, filter);
      if (options.dryRun === true)
        return await session.output.result({ would_discard: chosen }, () => `${chosen.length} would be given up`);
      await discardAll(session, cli, { ids: chosen, comment: reason });
    });
}

/** Either by name, or all that fit: never everything because a name was forgotten. */
async function choose(session: Session, ids: readonly string[], { all = false, ...filter }: ManyOptions): Promise<readonly string[]> {
  if (all === ids.length > 0) throw new CliError("usage", all ? "give either ids or --all" : "name letters, or say --all");
  if (!all) return ids;
  return await chosenLetters(session, filter);
}

function positionsOf({ positions }: Letter): string | undefined {
  return positions === undefined ? undefined : `${positions.stream} ${positions.epoch}:${positions.first}-${positions.last}`;
}

function renderLetter(letter: WholeLetter): string {
  const { id, state, queue, reason, parked_at: at, attempts, parks, redrives, handled_at: handled, events, unreadable, body } = letter;
  const head = renderPairs([
    ["letter", id],
    ["state", state],
    ["queue", queue],
    ["reason", reason],
    ["positions", positionsOf(letter)],
    ["parked", at],
    ["attempts", attempts],
    ["parks", parks],
    ["redrives", redrives],
    ["handled", handled],
    ["unreadable", unreadable],
  ]);
  return [head, ...(events ?? []).map((event) => JSON.stringify(event)), ...(unreadable === undefined ? [] : [JSON.stringify(body)])].join(
    "\n",
  );
}

function addressOf(id: string): string {
  return `/ops/dead-letters/${encodeURIComponent(id)}`;
}
