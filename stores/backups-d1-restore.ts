/** A database from its backup, a slice at a time: the rows of a slice are one run of keys, so what lies between two of them and is not of the
 *  backup can be told as well. Every write is one transaction and safe to do again. */
import type { After, BackupSection, TableSchema } from "../schemas/backup.ts";
import { statementBytesMax } from "../schemas/limits.ts";
import { quoted, listed } from "./backups-d1.ts";
import type { Compared, RestoreRule } from "./backups-rules.ts";

/** What must be known of a table before it is compared or written. */
export type TableState = "absent" | "there" | { readonly unfit: string };

/** Rows of a backup, with the keys they begin behind and end with; null without a bound. */
export interface RowRun {
  readonly table: string;
  readonly schema: TableSchema;
  readonly lines: readonly string[];
  readonly after: After;
  readonly upTo: After;
}

/** A backup of an earlier schema goes into a later one, whose new columns take their defaults; never the other way round. */
export async function examineTable(db: D1Database, { name, schema }: BackupSection): Promise<TableState> {
  const { results } = await db.prepare("SELECT name, pk FROM pragma_table_info(?1)").bind(name).all<{ name: string; pk: number }>();
  if (results.length === 0) return "absent";
  const known = new Set(results.map((column) => column.name));
  const missing = (schema?.columns ?? []).filter((column) => !known.has(column.name));
  if (missing.length > 0) return { unfit: `${name} has no column ${missing.map((column) => column.name).join(", ")}` };
  const key = results.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk);
  if (key.map((column) => column.name).join() !== schema?.key.join()) return { unfit: `${name} has another primary key` };
  return "there";
}

/** As it was when the backup was made. */
export async function createTable(db: D1Database, { schema }: BackupSection): Promise<void> {
  if (schema === undefined) return;
  await db.batch([schema.sql, ...schema.indexes].map((sql) => db.prepare(orNothing(sql))));
}

/** SQLite keeps a statement without its IF NOT EXISTS. */
function orNothing(sql: string): string {
  return sql.replace(/^CREATE\s+(UNIQUE\s+)?(TABLE|INDEX)\s+(?!IF\s)/i, (_, unique = "", kind) => `CREATE ${unique}${kind} IF NOT EXISTS `);
}

/** Never back: a number that was given is not given again. */
export async function raiseSequence(db: D1Database, { name, schema }: BackupSection): Promise<void> {
  if (schema?.sequence === undefined || schema.sequence === 0) return;
  await db.batch([
    db.prepare("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1").bind(name, schema.sequence),
    db
      .prepare("INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)")
      .bind(name, schema.sequence),
  ]);
}

/** A slice in runs that fit a statement each. */
export function runsOf(slice: Omit<RowRun, "lines">, lines: readonly string[], bytesMax: number = statementBytesMax): RowRun[] {
  const groups: string[][] = [[]];
  let bytes = 0;
  for (const line of lines) {
    // Characters outnumber bytes never by more than three, and statements have room for twice as much (PLATFORM).
    if (bytes > 0 && bytes + line.length > bytesMax) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(line);
    bytes += line.length + 1;
  }
  let after = slice.after;
  return groups.map((group, index) => {
    const upTo = index === groups.length - 1 ? slice.upTo : keyOfLine(slice.schema, group.at(-1) ?? "{}");
    const run = { ...slice, lines: group, after, upTo };
    after = upTo;
    return run;
  });
}

export function keyOfLine({ key }: TableSchema, line: string): NonNullable<After> {
  const row = JSON.parse(line) as Record<string, string | number>;
  return key.map((column) => row[column] ?? "");
}

export async function compareRun(db: D1Database, run: RowRun): Promise<Compared> {
  const { schema, table } = run;
  const alike = schema.columns.map(({ name }) => `held.${quoted(name)} IS kept.${quoted(name)}`).join(" AND ");
  const sameKey = schema.key.map((name) => `held.${quoted(name)} = kept.${quoted(name)}`).join(" AND ");
  const [first = ""] = schema.key;
  const { where, keys } = rangeOf(run);
  const sql = `WITH kept AS (SELECT ${valuesOf(schema)} FROM json_each(?1))
    SELECT count(*) AS total, count(held.${quoted(first)}) AS matched,
      coalesce(sum(held.${quoted(first)} IS NOT NULL AND ${alike}), 0) AS same,
      (SELECT count(*) FROM ${quoted(table)} WHERE ${where}) AS present
    FROM kept LEFT JOIN ${quoted(table)} AS held ON ${sameKey}`;
  const found = await db
    .prepare(sql)
    .bind(jsonOf(run), ...keys)
    .first<Compared>();
  if (found === null) throw new Error("a count gave no row");
  return found;
}

export async function writeRun(db: D1Database, run: RowRun, rule: RestoreRule): Promise<void> {
  const { schema, table } = run;
  const { where, keys } = rangeOf(run);
  const text = jsonOf(run);
  const names = schema.columns.map(({ name }) => name);
  const insert = `INSERT INTO ${quoted(table)} (${listed(names)}) SELECT ${valuesOf(schema)} FROM json_each(?1) WHERE true`;
  if (rule !== "same") {
    const empty = rule === "first" ? `AND NOT EXISTS (SELECT 1 FROM ${quoted(table)})` : "";
    await db.prepare(`${insert} ${empty} ON CONFLICT DO NOTHING`).bind(text).run();
    return;
  }
  const others = `SELECT ${schema.key.map(valueOf).join(", ")} FROM json_each(?1)`;
  await db.batch([
    db.prepare(`DELETE FROM ${quoted(table)} WHERE ${where} AND (${listed(schema.key)}) NOT IN (${others})`).bind(text, ...keys),
    db.prepare(`${insert} ON CONFLICT (${listed(schema.key)}) ${updateOf(table, schema)}`).bind(text),
  ]);
}

/** A row that is as it was costs no write. */
function updateOf(table: string, { columns, key }: TableSchema): string {
  const others = columns.filter(({ name }) => !key.includes(name)).map(({ name }) => quoted(name));
  if (others.length === 0) return "DO NOTHING";
  const set = others.map((name) => `${name} = excluded.${name}`).join(", ");
  return `DO UPDATE SET ${set} WHERE ${others.map((name) => `${quoted(table)}.${name} IS NOT excluded.${name}`).join(" OR ")}`;
}

function rangeOf({ schema, after, upTo }: RowRun): { where: string; keys: (string | number)[] } {
  const conditions = ["true"];
  const keys: (string | number)[] = [];
  for (const [bound, sign] of [
    [after, ">"],
    [upTo, "<="],
  ] as const) {
    if (bound === null) continue;
    conditions.push(`(${listed(schema.key)}) ${sign} (${bound.map((_, at) => `?${keys.length + at + 2}`).join(", ")})`);
    keys.push(...bound);
  }
  return { where: conditions.join(" AND "), keys };
}

function valuesOf({ columns }: TableSchema): string {
  return columns.map(({ name }) => `${valueOf(name)} AS ${quoted(name)}`).join(", ");
}

function valueOf(column: string): string {
  return `json_extract(value, '$.${JSON.stringify(column).replaceAll("'", "''")}')`;
}

function jsonOf({ lines }: RowRun): string {
  return `[${lines.join(",")}]`;
}
