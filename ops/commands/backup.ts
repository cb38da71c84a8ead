/** `arbx backup`: makes, lists, checks and deletes backups. The edge makes them by itself: Ctrl-C ends the watching alone. */
import type { Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { renderPairs, renderTable, type Cell, type Column } from "../output.ts";
import { collectList, firstOf, wholeNumber } from "./arguments.ts";
import { follow } from "./follow.ts";

interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly rows?: number;
  readonly keys?: number;
  readonly objects?: number;
  readonly sha256: string;
}

interface Backup {
  readonly id: string;
  readonly state: "running" | "done" | "failed";
  readonly kind: string;
  readonly created_at: string;
  readonly ended_at?: string;
  readonly comment?: string;
  readonly bytes: number;
  readonly parts: readonly Part[];
  readonly kept_until?: string;
  readonly error?: string;
}

interface Verified {
  readonly ok: boolean;
  readonly parts: readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
}

const columns: readonly Column<Backup>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "STATE", value: ({ state }) => state },
  { title: "KIND", value: ({ kind }) => kind },
  { title: "CREATED", value: ({ created_at: at }) => at },
  { title: "PARTS", value: ({ parts }) => parts.length, align: "right" },
  { title: "BYTES", value: ({ bytes }) => bytes, align: "right" },
  { title: "KEPT UNTIL", value: ({ kept_until: until }) => until },
  { title: "COMMENT", value: ({ comment }) => comment },
];

/** It reads all of it back: as long as a backup takes. */
const verifyTimeoutMs = 120_000;

export function registerBackup(program: Command, cli: Cli): void {
  const backup = program.command("backup").description("databases, configuration and manifests, as they are now");
  registerCreate(backup, cli);
  backup
    .command("list")
    .description("the newest first")
    .option("--limit <count>", "how many at most", wholeNumber(1, 10_000), 20)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.table(await firstOf<Backup>(edge, "/ops/backups", { limit }), columns, "no backups");
    });
  backup
    .command("show")
    .description("its parts, their sizes and hashes")
    .argument("<id>")
    .action(async (id: string, _options: object, command: Command) => {
      const session = cli.open(command);
      await session.output.result(await session.edge.get<Backup>(addressOf(id)), (found) => renderBackup(session, found));
    });
  registerVerify(backup, cli);
  backup
    .command("delete")
    .description("for good")
    .argument("<id>")
    .requiredOption("--yes <id>", "the id again: nobody deletes a backup by a slip")
    .action(async (id: string, { yes }: { yes: string }, command: Command) => {
      if (yes !== id) throw new CliError("usage", "--yes must repeat the id of the backup");
      const { edge, output } = cli.open(command);
      await output.result(await edge.send<unknown>("DELETE", addressOf(id)), () => `${id} is deleted`);
    });
}

function registerCreate(backup: Command, cli: Cli): void {
  backup
    .command("create")
    .description("makes one and waits for it")
    .option("--part <names>", "all, unless named: d1:OPPORTUNITIES_DB, kv:CONFIG_CACHE, r2:manifests, …", collectList)
    .option("--comment <text>", "what for")
    .option("--no-wait", "returns as soon as it is ordered")
    .addHelpText("after", '\nExample: arbx backup create --comment "before the migration"')
    .action(async ({ part, comment, wait }: { part?: readonly string[]; comment?: string; wait: boolean }, command: Command) => {
      const session = cli.open(command);
      const ordered = await session.edge.send<Backup>("POST", "/ops/backups", { body: { parts: part, comment } });
      const made = wait ? await awaitBackup(session, cli, ordered.id) : ordered;
      await session.output.result(made, (found) => renderBackup(session, found));
      if (made.state === "failed")
        throw new CliError("failed", `backup ${made.id} failed: ${made.error ?? "no reason is known"}`, { code: "BACKUP_FAILED" });
    });
}

function awaitBackup(session: Session, cli: Cli, id: string): Promise<Backup> {
  cli.whenInterrupted(() => `backup ${id} goes on in the edge; look at it: arbx backup show ${id}`);
  return follow<Backup>(session, {
    label: `backup ${id}`,
    unit: "parts",
    path: addressOf(id),
    rests: ({ state }) => state !== "running",
    reached: ({ parts }) => ({ done: parts.length }),
  });
}

function registerVerify(backup: Command, cli: Cli): void {
  backup
    .command("verify")
    .description("reads all of it back and compares hashes; ends with 1 when anything differs")
    .argument("<id>")
    .action(async (id: string, _options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      const verified = await edge.send<Verified>("POST", `${addressOf(id)}/verify`, { timeoutMs: verifyTimeoutMs });
      await output.result(verified, ({ parts }) =>
        parts.map(({ name, ok, reason }) => `${ok ? "ok   " : "WRONG"} ${name}${reason === undefined ? "" : `: ${reason}`}`).join("\n"),
      );
      if (!verified.ok) throw new CliError("failed", `backup ${id} cannot be restored as it is`, { code: "BACKUP_DAMAGED" });
    });
}

const partColumns: readonly Column<Part>[] = [
  { title: "PART", value: ({ name }) => name },
  { title: "COUNT", value: ({ rows, keys, objects }) => rows ?? keys ?? objects, align: "right" },
  { title: "BYTES", value: ({ bytes }) => bytes, align: "right" },
  { title: "SHA-256", value: ({ sha256 }) => sha256 },
];

function renderBackup({ output: { colors } }: Session, found: Backup): string {
  const { id, state, kind, comment, bytes, parts, kept_until: until, error } = found;
  const pairs: readonly (readonly [string, Cell])[] = [
    ["backup", id],
    ["state", state],
    ["kind", kind],
    ["created", found.created_at],
    ["ended", found.ended_at],
    ["kept until", until],
    ["comment", comment],
    ["bytes", bytes],
    ["error", error],
  ];
  return [renderPairs(pairs), ...(parts.length === 0 ? [] : [renderTable(parts, partColumns, colors)])].join("\n");
}

function addressOf(id: string): string {
  return `/ops/backups/${encodeURIComponent(id)}`;
}
