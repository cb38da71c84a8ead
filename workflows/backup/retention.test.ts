import { describe, expect, it } from "vitest";
import { backupIdOf, BackupId, timeOfId } from "../../schemas/backup.ts";
import { outlived } from "./retention.ts";
import type { KnownBackup } from "./retention.ts";

const dayMs = 24 * 3_600_000;
const start = Date.UTC(2025, 0, 1, 2, 40);

const daily = (day: number): KnownBackup => ({ id: `d${day}`, kind: "daily", state: "made", createdMs: start + day * dayMs });
const dates = (backups: readonly KnownBackup[]): string[] => backups.map(({ createdMs }) => new Date(createdMs).toISOString().slice(0, 10));

/** The cron of so many days, each with what it had kept the day before. */
function keptAfter(days: number, made: (day: number) => readonly KnownBackup[] = (day) => [daily(day)]): KnownBackup[] {
  let kept: readonly KnownBackup[] = [];
  for (let day = 0; day < days; day += 1) {
    const now = start + day * dayMs;
    const all = [...kept, ...made(day)];
    const gone = new Set(outlived(all, now));
    kept = all.filter(({ id }) => !gone.has(id));
  }
  return kept.toSorted((a, b) => b.createdMs - a.createdMs);
}

describe("of daily backups", () => {
  it("seven days, four weeks and twelve months are kept, each by its newest", () => {
    expect(dates(keptAfter(500))).toEqual([
      // Seven days; the first of them stands for its week and its month too.
      ...["2026-05-15", "2026-05-14", "2026-05-13", "2026-05-12", "2026-05-11", "2026-05-10", "2026-05-09"],
      // Sundays end the weeks: with this week and that of the 10th, four.
      ...["2026-05-03", "2026-04-30", "2026-04-26"],
      ...["2026-03-31", "2026-02-28", "2026-01-31", "2025-12-31", "2025-11-30", "2025-10-31"],
      ...["2025-09-30", "2025-08-31", "2025-07-31", "2025-06-30"],
    ]);
  });

  it.each([
    [1, 1],
    [7, 7],
    [8, 7],
    [13, 8],
    [31, 9],
  ])("after %i days there are %i", (days, count) => {
    expect(keptAfter(days)).toHaveLength(count);
  });

  it("days that had none are not counted: the last seven that had one stay", () => {
    const kept = keptAfter(100, (day) => (day < 30 || day === 99 ? [daily(day)] : []));
    expect(kept.filter(({ createdMs }) => createdMs > start + 23 * dayMs)).toHaveLength(7);
  });
});

describe("a backup", () => {
  const now = start + 400 * dayMs;
  const at = (ageDays: number, change: Partial<KnownBackup> = {}): KnownBackup => ({
    ...daily(0),
    createdMs: now - ageDays * dayMs,
    ...change,
  });
  const newest = at(0, { id: "newest" });

  it.each<[string, Partial<KnownBackup>, number, boolean]>([
    ["on demand, of 89 days", { kind: "on-demand" }, 89, true],
    ["on demand, of 90 days", { kind: "on-demand" }, 90, false],
    ["torn, of 23 hours", { state: "torn" }, 23 / 24, true],
    ["torn, of a day", { state: "torn" }, 1, false],
  ])("%s", (_, change, ageDays, isKept) => {
    expect(outlived([newest, at(ageDays, { ...change, id: "x" })], now)).toEqual(isKept ? [] : ["x"]);
  });

  it("is never deleted when no newer one can be restored, whatever its age and kind", () => {
    const old = at(399, { kind: "on-demand", id: "old" });
    const torn = at(2, { state: "torn", id: "torn" });
    expect(outlived([torn, old], now)).toEqual(["torn"]);
    expect(outlived([torn, old, newest], now).toSorted()).toEqual(["old", "torn"]);
  });

  it("on demand takes no daily one's place", () => {
    const many = Array.from({ length: 20 }, (_, index) => at(index / 100, { kind: "on-demand", id: `o${index}` }));
    expect(outlived([...many, at(1, { id: "d1" }), at(6, { id: "d6" })], now)).toEqual([]);
  });
});

describe("the name of a backup", () => {
  it.each([0, 1, start, 2 ** 48 - 1])("of %i says its time, sorts by it, and is the same for the same salt", (ms) => {
    const id = backupIdOf(ms, "daily");
    expect(BackupId.safeParse(id).success).toBe(true);
    expect(timeOfId(id)).toBe(ms);
    expect(backupIdOf(ms, "daily")).toBe(id);
    expect(backupIdOf(ms, "other")).not.toBe(id);
    expect(backupIdOf(ms + 1, "daily") > id).toBe(true);
  });
});
