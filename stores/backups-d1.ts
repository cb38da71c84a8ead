/** A database for its backup: which tables it has, and their rows in slices of bounded size. A slice is one statement, so its rows are of one
 *  moment; slices follow each other in the order of the primary key, while others go on writing. */
import type { After, SectionHead, TableSchema } from "../schemas/backup.ts";
import { backupTablesMax } from "../schemas/limits-backups.ts";
import type { SliceLimits, SliceLines } from "./backups-objects.ts";

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const listed = (names: readonly string[]): string => names.map(quoted).join(", ");

/** Every table of ours, by name; SQLite's own and Cloudflare's are theirs to make, a replay's fresh ones are gone when it ends. */
export async function readTables(db: D1Database): Promise<SectionHead[]> {
  const sql = `SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT GLOB 'verify_*' ORDER BY name LIMIT ?1`;
  const { results } = await db
    .prepare(sql)
    .bind(backupTablesMax + 1)
    .all<{ name: string; sql: string }>();
  if (results.length > backupTablesMax) throw new Error(`it has more than ${backupTablesMax} tables`);
  const heads: SectionHead[] = [];
  for (const table of results) heads.push({ name: table.name, schema: await readSchema(db, table) });
  return heads;
}

async function readSchema(db: D1Database, { name, sql }: { name: string; sql: string }): Promise<TableSchema> {
  const [columns, indexes] = await db.batch<Record<string, unknown>>([
    db.prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid").bind(name),
    db.prepare("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL ORDER BY name").bind(name),
  ]);
  const rows = (columns?.results ?? []) as { name: string; type: string; pk: number }[];
  const key = rows.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk);
  if (key.length === 0) throw new Error(`${name} has no primary key to read it by`);
  return {
    sql,
    indexes: (indexes?.results ?? []).map((index) => String(index["sql"])),
    columns: rows.map((column) => ({ name: column.name, type: column.type })),
    key: key.map((column) => column.name),
    ...(sql.toUpperCase().includes("AUTOINCREMENT") ? { sequence: await readSequence(db, name) } : {}),
  };
}

async function readSequence(db: D1Database, table: string): Promise<number> {
  return (await db.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?1").bind(table).first<number>("seq")) ?? 0;
}

/** Rows behind `after`, as many as fit. */
export async function readRows(
  db: D1Database,
  { name, schema }: SectionHead,
  { after, limits }: { readonly after: After; readonly limits: SliceLimits },
): Promise<SliceLines> {
  if (schema === undefined) throw new Error(`${name} is no table`);
  const { rowsMax, bytesMax } = limits;
  const { results } = await db
    .prepare(sliceSql(name, schema, after))
    .bind(rowsMax, bytesMax, ...(after ?? []))
    .all<Row>();
  const lines = results.map(({ [pageColumn]: _, ...row }) => lineOf(name, schema, row));
  const last = results.at(-1);
  const isLast = last === undefined || (Number(last[pageColumn]) === results.length && results.length < rowsMax);
  return { lines, next: isLast ? null : keyOf(schema, last) };
}

type Row = Record<string, unknown>;
/** How many rows the page had before it was cut to its bytes. */
const pageColumn = "backup page";

/** The running sum cuts in SQLite what would be too much for the answer; the first row always fits. */
function sliceSql(name: string, { columns, key }: TableSchema, after: After): string {
  const names = columns.map((column) => column.name);
  const where = after === null ? "" : `WHERE (${listed(key)}) > (${after.map((_, at) => `?${at + 3}`).join(", ")})`;
  const bytes = names.map((column) => `coalesce(length(CAST(${quoted(column)} AS BLOB)), 4) + ${column.length + 6}`).join(" + ");
  return `WITH page AS (SELECT ${listed(names)}, ${bytes} AS "row bytes" FROM ${quoted(name)} ${where} ORDER BY ${listed(key)} LIMIT ?1),
    sized AS (SELECT *, sum("row bytes") OVER (ORDER BY ${listed(key)} ROWS UNBOUNDED PRECEDING) - "row bytes" AS "bytes before",
      count(*) OVER () AS ${quoted(pageColumn)} FROM page)
    SELECT ${listed(names)}, ${quoted(pageColumn)} FROM sized WHERE "bytes before" < ?2 ORDER BY ${listed(key)}`;
}

function keyOf({ key }: TableSchema, row: Row): NonNullable<After> {
  return key.map((column) => {
    const value = row[column];
    return typeof value === "number" ? value : String(value);
  });
}

/** Throws for a value that would come back as another one. */
function lineOf(table: string, { columns }: TableSchema, row: Row): string {
  for (const { name, type } of columns) {
    const value = row[name];
    const isExact = typeof value !== "number" || type !== "INTEGER" || Number.isSafeInteger(value);
    if (!isExact || (typeof value === "object" && value !== null))
      throw new Error(`${table}.${name} holds a value that no backup can hold: a blob, or an integer beyond 2^53`);
  }
  return JSON.stringify(row);
}
