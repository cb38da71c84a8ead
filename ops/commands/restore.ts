/** `arbx restore`: what a backup would change, or, with its id said again, changes it. */
import type { Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import type { Column } from "../output.ts";
import { collectList } from "./arguments.ts";
import { follow } from "./follow.ts";

interface RestoredPart {
  readonly name: string;
  readonly added?: number;
  readonly would_add?: number;
  readonly changed?: number;
  readonly would_change?: number;
  readonly removed?: number;
  readonly would_remove?: number;
  readonly unchanged: number;
  readonly kept?: number;
}

interface Restore {
  readonly id: string;
  readonly backup: string;
  readonly state: "running" | "done" | "failed";
  readonly dry_run: boolean;
  readonly parts: readonly RestoredPart[];
  readonly progress: { readonly done: number; readonly total: number };
  readonly error?: string;
}

interface RestoreOptions {
  readonly part?: readonly string[];
  readonly yes?: string;
}

const columns: readonly Column<RestoredPart>[] = [
  { title: "PART", value: ({ name }) => name },
  { title: "ADDED", value: ({ added, would_add: would }) => added ?? would, align: "right" },
  { title: "CHANGED", value: ({ changed, would_change: would }) => changed ?? would, align: "right" },
  { title: "REMOVED", value: ({ removed, would_remove: would }) => removed ?? would, align: "right" },
  { title: "UNCHANGED", value: ({ unchanged }) => unchanged, align: "right" },
  { title: "KEPT", value: ({ kept }) => kept, align: "right" },
];

export function registerRestore(program: Command, cli: Cli): void {
  program
    .command("restore")
    .description("what a backup would change here; changes it only with --yes")
    .argument("<backup>", "its id, as `arbx backup list` shows it")
    .option("--part <names>", "all of it, unless named", collectList)
    .option("--yes <id>", "really: the backup's id again")
    .addHelpText("after", "\nWithout --yes nothing is changed.\nExample: arbx restore 01kb… --part d1:SESSIONS_DB --yes 01kb…")
    .action(async (backup: string, { part, yes }: RestoreOptions, command: Command) => {
      if (yes !== undefined && yes !== backup) throw new CliError("usage", "--yes must repeat the id of the backup");
      const session = cli.open(command);
      const body = { parts: part, dry_run: yes === undefined, confirm: yes };
      const { id } = await session.edge.send<Restore>("POST", `/ops/backups/${encodeURIComponent(backup)}/restore`, { body });
      await conclude(session, await awaitRestore(session, cli, { id, backup, isDry: yes === undefined }));
    });
}

interface Ordered {
  readonly id: string;
  readonly backup: string;
  readonly isDry: boolean;
}

function awaitRestore(session: Session, cli: Cli, { id, backup, isDry }: Ordered): Promise<Restore> {
  const path = `/ops/restores/${encodeURIComponent(id)}`;
  cli.whenInterrupted(() =>
    isDry
      ? "only a dry run: nothing was changed"
      : `restore ${id} goes on in the edge and cannot be taken back; should it stop halfway, say it again: arbx restore ${backup} --yes ${backup}`,
  );
  return follow<Restore>(session, {
    label: isDry ? "comparing" : "restoring",
    unit: "slices",
    path,
    rests: ({ state }) => state !== "running",
    reached: ({ progress }) => progress,
  });
}

async function conclude({ output }: Session, restore: Restore): Promise<void> {
  if (output.json) await output.result(restore, () => "");
  else await output.table(restore.parts, columns, "nothing to restore");
  if (restore.state === "failed")
    throw new CliError("failed", `restore ${restore.id} failed: ${restore.error ?? "no reason is known"}`, {
      code: "RESTORE_FAILED",
      advice: "it is safe to do again: what is restored already stays unchanged",
    });
  if (restore.dry_run) await output.note(`nothing was changed; to do it: arbx restore ${restore.backup} --yes ${restore.backup}`);
}
