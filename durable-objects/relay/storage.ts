/** A relay's SQLite: where it stands in each stream, and which socket subscribes to what. Sockets outlive the object's memory;
 *  after an eviction everything else is rebuilt from here and from the sockets' attachments. */
import { counted } from "../counted-sql.ts";
import type { QuietSpan, QuietStore } from "./quiet.ts";

export interface StreamRow {
  readonly stream: string;
  readonly generation: number;
  /** "" while no join has been answered. */
  readonly epoch: string;
  readonly position: number;
  /** False from the first row of a burst until the position was written after it: what sockets have seen is then unknown. */
  readonly clean: boolean;
  /** Since when nobody subscribes; undefined while somebody does. */
  readonly idleSinceMs: number | undefined;
}

/** The relay's region gets no sockets; some of its sockets belong to another region. */
export type Flag = "drained" | "displaced";

export class RelayStore implements QuietStore {
  readonly #sql: Pick<SqlStorage, "exec">;

  constructor(sql: SqlStorage) {
    this.#sql = counted(sql);
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS relay (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS streams (
        stream TEXT PRIMARY KEY, generation INTEGER NOT NULL, epoch TEXT NOT NULL, position INTEGER NOT NULL,
        clean INTEGER NOT NULL, idle_since_ms INTEGER
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, spec TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS flags (name TEXT PRIMARY KEY) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS due (id INTEGER PRIMARY KEY CHECK (id = 1), at_ms INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS quiet (view TEXT PRIMARY KEY, epoch TEXT NOT NULL, prev INTEGER NOT NULL, until INTEGER);
      CREATE TABLE IF NOT EXISTS subs (socket_id TEXT NOT NULL, group_id INTEGER NOT NULL, PRIMARY KEY (socket_id, group_id)) WITHOUT ROWID;
    `);
  }

  findName(): string | undefined {
    return this.#sql.exec<{ name: string }>("SELECT name FROM relay").toArray()[0]?.name;
  }

  saveName(name: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO relay (id, name) VALUES (1, ?)", name);
  }

  findFlag(name: Flag): boolean {
    return this.#sql.exec("SELECT 1 FROM flags WHERE name = ?", name).toArray().length > 0;
  }

  saveFlag(name: Flag, isSet: boolean): void {
    this.#sql.exec(isSet ? "INSERT OR IGNORE INTO flags (name) VALUES (?)" : "DELETE FROM flags WHERE name = ?", name);
  }

  /** When a token is to be looked at next. */
  findDue(): number | undefined {
    return this.#sql.exec<{ at_ms: number }>("SELECT at_ms FROM due").toArray()[0]?.at_ms;
  }

  saveDue(atMs: number | undefined): void {
    if (atMs === undefined) this.#sql.exec("DELETE FROM due");
    else this.#sql.exec("INSERT OR REPLACE INTO due (id, at_ms) VALUES (1, ?)", Math.floor(atMs));
  }

  /** In the order in which they were written. */
  quietSpans(): { view: string; span: QuietSpan }[] {
    return this.#sql
      .exec<{ view: string; epoch: string; prev: number; until: number | null }>(
        "SELECT view, epoch, prev, until FROM quiet ORDER BY rowid",
      )
      .toArray()
      .map(({ view, epoch, prev, until }) => ({ view, span: { epoch, prev, until: until ?? undefined } }));
  }

  saveQuiet(view: string, { epoch, prev, until }: QuietSpan): void {
    this.#sql.exec("INSERT OR REPLACE INTO quiet (view, epoch, prev, until) VALUES (?, ?, ?, ?)", view, epoch, prev, until ?? null);
  }

  dropQuiet(view: string): void {
    this.#sql.exec("DELETE FROM quiet WHERE view = ?", view);
  }

  streams(): StreamRow[] {
    return this.#sql
      .exec<{ stream: string; generation: number; epoch: string; position: number; clean: number; idle_since_ms: number | null }>(
        "SELECT * FROM streams",
      )
      .toArray()
      .map(({ clean, idle_since_ms: idleSinceMs, ...row }) => ({ ...row, clean: clean === 1, idleSinceMs: idleSinceMs ?? undefined }));
  }

  saveStream({ stream, generation, epoch, position, clean, idleSinceMs }: StreamRow): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO streams (stream, generation, epoch, position, clean, idle_since_ms) VALUES (?, ?, ?, ?, ?, ?)",
      stream,
      generation,
      epoch,
      position,
      clean ? 1 : 0,
      idleSinceMs ?? null,
    );
  }

  markDirty(stream: string): void {
    this.#sql.exec("UPDATE streams SET clean = 0 WHERE stream = ?", stream);
  }

  groups(): { id: number; spec: string }[] {
    return this.#sql.exec<{ id: number; spec: string }>("SELECT id, spec FROM groups").toArray();
  }

  addGroup(spec: string): number {
    return this.#sql.exec<{ id: number }>("INSERT INTO groups (spec) VALUES (?) RETURNING id", spec).one().id;
  }

  dropGroup(id: number): void {
    this.#sql.exec("DELETE FROM groups WHERE id = ?", id);
  }

  subscriptions(): { socketId: string; groupId: number }[] {
    return this.#sql
      .exec<{ socket_id: string; group_id: number }>("SELECT socket_id, group_id FROM subs")
      .toArray()
      .map((row) => ({ socketId: row.socket_id, groupId: row.group_id }));
  }

  addSubscription(socketId: string, groupId: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO subs (socket_id, group_id) VALUES (?, ?)", socketId, groupId);
  }

  dropSubscription(socketId: string, groupId: number): void {
    this.#sql.exec("DELETE FROM subs WHERE socket_id = ? AND group_id = ?", socketId, groupId);
  }

  dropSocket(socketId: string): void {
    this.#sql.exec("DELETE FROM subs WHERE socket_id = ?", socketId);
  }
}
