/** The parts of a backup and their stores: what a database, a namespace and a bucket each do to be backed up and restored. */
import type { After, BackupSection, BackupSlice, PartName, SectionHead } from "../schemas/backup.ts";
import { statementBytesMax } from "../schemas/limits.ts";
import { backupObjectsMax, backupSliceBytesMax, backupSliceRowsMax } from "../schemas/limits-backups.ts";
import { readRows, readTables } from "./backups-d1.ts";
import { compareRun, createTable, examineTable, raiseSequence, runsOf, writeRun } from "./backups-d1-restore.ts";
import type { RowRun, TableState } from "./backups-d1-restore.ts";
import { compareKeys, readKeys, writeKeys } from "./backups-kv.ts";
import type { SliceLines } from "./backups-objects.ts";
import { backedUpPrefixes, compareObjects, readObjects, writeObjects } from "./backups-r2.ts";
import { ruleOf } from "./backups-rules.ts";
import type { Compared } from "./backups-rules.ts";

/** Lines of a slice, and which of its section it is. */
export interface HeldSlice {
  readonly index: number;
  readonly lines: readonly string[];
}

export interface PartStore {
  sections(): Promise<SectionHead[]>;
  read(head: SectionHead, after: After): Promise<SliceLines>;
  examine(section: BackupSection): Promise<TableState>;
  /** Where it is absent. */
  create(section: BackupSection): Promise<void>;
  compare(section: BackupSection, slice: HeldSlice): Promise<Compared>;
  /** Safe to do again. */
  write(section: BackupSection, slice: HeldSlice): Promise<void>;
  /** After the last slice. */
  finish(section: BackupSection): Promise<void>;
}

/** Smaller in tests. */
export interface PartLimits {
  readonly rowsMax?: number;
  readonly bytesMax?: number;
  readonly statementBytesMax?: number;
}

export type BackupSources = Pick<Env, "OPPORTUNITIES_DB" | "STRATEGIES_DB" | "METRICS_DB" | "SESSIONS_DB" | "CONFIG_CACHE" | "EDGE_LOGS">;

export function partStore(
  stores: BackupSources,
  part: PartName,
  { nowMs, limits = {} }: { nowMs: () => number; limits?: PartLimits },
): PartStore {
  switch (part) {
    case "kv:CONFIG_CACHE":
      return keysPart(stores.CONFIG_CACHE, nowMs);
    case "r2:manifests":
      return objectsPart(stores.EDGE_LOGS, limits);
    case "d1:OPPORTUNITIES_DB":
      return rowsPart(stores.OPPORTUNITIES_DB, part, limits);
    case "d1:STRATEGIES_DB":
      return rowsPart(stores.STRATEGIES_DB, part, limits);
    case "d1:METRICS_DB":
      return rowsPart(stores.METRICS_DB, part, limits);
    case "d1:SESSIONS_DB":
      return rowsPart(stores.SESSIONS_DB, part, limits);
  }
}

function rowsPart(db: D1Database, part: PartName, limits: PartLimits): PartStore {
  const { rowsMax = backupSliceRowsMax, bytesMax = backupSliceBytesMax, statementBytesMax: runBytesMax = statementBytesMax } = limits;
  const runs = (section: BackupSection, { index, lines }: HeldSlice): RowRun[] => {
    const { name, schema, slices } = section;
    if (schema === undefined) throw new Error(`${name} is no table`);
    // A slice ends where the next one begins, and the last one has no end.
    return runsOf({ table: name, schema, after: afterOf(slices, index), upTo: afterOf(slices, index + 1) }, lines, runBytesMax);
  };
  return {
    sections: () => readTables(db),
    read: (head, after) => readRows(db, head, { after, limits: { rowsMax, bytesMax } }),
    examine: (section) => examineTable(db, section),
    create: (section) => createTable(db, section),
    compare: async (section, slice) => {
      const sum = { total: 0, matched: 0, same: 0, present: 0 };
      for (const run of runs(section, slice)) {
        const { total, matched, same, present } = await compareRun(db, run);
        sum.total += total;
        sum.matched += matched;
        sum.same += same;
        sum.present += present;
      }
      return sum;
    },
    write: async (section, slice) => {
      for (const run of runs(section, slice)) await writeRun(db, run, ruleOf(part, section.name));
    },
    finish: (section) => raiseSequence(db, section),
  };
}

function afterOf(slices: readonly BackupSlice[], index: number): After {
  return slices[index]?.after ?? null;
}

/** What needs no tables. */
const always: Pick<PartStore, "examine" | "create" | "finish"> = {
  examine: async () => "there",
  create: async () => undefined,
  finish: async () => undefined,
};

function keysPart(namespace: KVNamespace, nowMs: () => number): PartStore {
  return {
    ...always,
    sections: async () => [{ name: "" }],
    read: async () => ({ lines: await readKeys(namespace), next: null }),
    compare: (_, { lines }) => compareKeys(namespace, lines, nowMs()),
    write: (_, { lines }) => writeKeys(namespace, lines, nowMs()),
  };
}

function objectsPart(bucket: R2Bucket, { rowsMax = backupObjectsMax, bytesMax = backupSliceBytesMax }: PartLimits): PartStore {
  return {
    ...always,
    sections: async () => backedUpPrefixes.map((name) => ({ name })),
    read: ({ name }, after) => readObjects(bucket, name, { after, limits: { rowsMax, bytesMax } }),
    compare: (_, { lines }) => compareObjects(bucket, lines),
    write: (_, { lines }) => writeObjects(bucket, lines),
  };
}
