/** Which backups have had their time. Of those the cron made: the newest of each of the last days, weeks and months that have one. Pure. */
import { backupDailyKept, backupMonthlyKept, backupOnDemandMs, backupTornMs, backupWeeklyKept } from "../../schemas/limits-backups.ts";

export interface KnownBackup {
  readonly id: string;
  readonly kind: "daily" | "on-demand";
  /** `made`: it can be restored. `torn`: it failed, or is unfinished, or cannot be believed. */
  readonly state: "made" | "torn";
  readonly createdMs: number;
}

const dayMs = 24 * 3_600_000;
/** 1970 began on a Thursday; weeks begin on Monday. */
const weekShiftMs = 3 * dayMs;

const dayOf = (ms: number): number => Math.floor(ms / dayMs);
const weekOf = (ms: number): number => Math.floor((ms + weekShiftMs) / (7 * dayMs));
const monthOf = (ms: number): number => new Date(ms).getUTCFullYear() * 12 + new Date(ms).getUTCMonth();

/** Ids of those to delete. Never of the newest that can be restored, whatever its age and kind. */
export function outlived(backups: readonly KnownBackup[], nowMs: number): string[] {
  const newestFirst = backups.toSorted((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? 1 : -1));
  const made = newestFirst.filter(({ state }) => state === "made");
  const daily = made.filter(({ kind }) => kind === "daily");
  const kept = new Set([
    ...made.slice(0, 1),
    ...newestOfEach(daily, dayOf, backupDailyKept),
    ...newestOfEach(daily, weekOf, backupWeeklyKept),
    ...newestOfEach(daily, monthOf, backupMonthlyKept),
    ...made.filter(({ kind, createdMs }) => kind === "on-demand" && nowMs - createdMs < backupOnDemandMs),
    ...newestFirst.filter(({ state, createdMs }) => state === "torn" && nowMs - createdMs < backupTornMs),
  ]);
  return newestFirst.filter((backup) => !kept.has(backup)).map(({ id }) => id);
}

function newestOfEach(newestFirst: readonly KnownBackup[], periodOf: (ms: number) => number, periodsKept: number): KnownBackup[] {
  const newest = new Map<number, KnownBackup>();
  for (const backup of newestFirst) {
    const period = periodOf(backup.createdMs);
    if (!newest.has(period)) newest.set(period, backup);
  }
  return [...newest.values()].slice(0, periodsKept);
}
