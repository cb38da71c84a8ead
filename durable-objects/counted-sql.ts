/** Counts the rows that an object's statements write, index entries included: what the platform bills. */

type Sql = Pick<SqlStorage, "exec">;

/** By the runtime's own storage, which lives as long as its object. */
const written = new WeakMap<SqlStorage, { rows: number }>();

/** A write is done when `exec` returns, so its rows are known then. */
export function counted(sql: SqlStorage): Sql {
  const total = { rows: 0 };
  written.set(sql, total);
  return {
    exec: <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]): SqlStorageCursor<T> => {
      const cursor = sql.exec<T>(query, ...bindings);
      total.rows += cursor.rowsWritten;
      return cursor;
    },
  };
}

/** Since the object woke up. */
export function rowsWrittenBy(sql: SqlStorage): number {
  return written.get(sql)?.rows ?? 0;
}
