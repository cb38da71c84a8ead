/** What keys owe, in SQLite. A row holds what changed since the last one, because a row is what is billed; a row of which nothing is owed any
 *  more is written over. After a death the rows are read in the order in which they were written. */

/** Key and `tat`, by the clock of gcra.ts. */
export type Debt = readonly [key: string, tatMs: number];

/** Entries of about 40 B: a row stays far below SQLite's two megabytes. */
const rowDebtsMax = 10_000;
/** Beyond these all is written anew in as few rows as it takes: a restart should not read more. */
const rowsMax = 64;

interface Row {
  readonly slot: number;
  readonly seq: number;
  readonly untilMs: number;
}

export class DebtStorage {
  readonly #sql: SqlStorage;
  #rows: Row[] = [];
  #seq = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS debts (slot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, until_ms REAL NOT NULL, text TEXT NOT NULL)",
    );
  }

  /** What is still owed. A row this version does not understand is left out. */
  load(nowMs: number): Map<string, number> {
    const debts = new Map<string, number>();
    for (const row of this.#sql.exec("SELECT slot, seq, until_ms AS untilMs, text FROM debts ORDER BY seq")) {
      const [slot, seq, untilMs] = [Number(row.slot), Number(row.seq), Number(row.untilMs)];
      this.#rows.push({ slot, seq, untilMs });
      this.#seq = seq;
      if (untilMs > nowMs) for (const [key, tatMs] of parse(String(row.text))) debts.set(key, tatMs);
    }
    for (const [key, tatMs] of debts) if (tatMs <= nowMs) debts.delete(key);
    return debts;
  }

  /** `all` is what would have to be written, were everything written anew. */
  write(changed: readonly Debt[], all: () => readonly Debt[], nowMs: number): void {
    if (changed.length === 0) return;
    const live = this.#rows.filter(({ untilMs }) => untilMs > nowMs).length;
    if (live < rowsMax) this.#append(changed, nowMs);
    else this.#rewrite(all(), nowMs);
  }

  #append(debts: readonly Debt[], nowMs: number): void {
    for (let from = 0; from < debts.length; from += rowDebtsMax) this.#put(debts.slice(from, from + rowDebtsMax), nowMs);
  }

  #put(debts: readonly Debt[], nowMs: number): void {
    this.#seq += 1;
    const untilMs = debts.reduce((max, [, tatMs]) => Math.max(max, tatMs), 0);
    const free = this.#rows.find((row) => row.untilMs <= nowMs);
    const row = { slot: free?.slot ?? this.#rows.length, seq: this.#seq, untilMs };
    const text = JSON.stringify(debts.map(([key, tatMs]) => [key, Math.ceil(tatMs)]));
    this.#sql.exec("INSERT OR REPLACE INTO debts (slot, seq, until_ms, text) VALUES (?, ?, ?, ?)", row.slot, row.seq, untilMs, text);
    this.#rows = [...this.#rows.filter(({ slot }) => slot !== row.slot), row];
  }

  /** In one turn, so nobody can see it half done. */
  #rewrite(all: readonly Debt[], nowMs: number): void {
    this.#sql.exec("DELETE FROM debts");
    this.#rows = [];
    this.#append(all, nowMs);
  }
}

function parse(text: string): Debt[] {
  try {
    const entries: unknown = JSON.parse(text);
    return Array.isArray(entries) ? entries.filter(isDebt) : [];
  } catch {
    return [];
  }
}

function isDebt(entry: unknown): entry is Debt {
  return Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number";
}
