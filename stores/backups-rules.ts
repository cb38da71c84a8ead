/** What a restore may do to each table. `same`: afterwards it has the backup's rows and no others. `add`: rows that are missing come back,
 *  what is there stays, because going back in time would forget a decision or lose data. Pure. */
import type { PartName, RestoreCounts } from "../schemas/backup.ts";

export type RestoreRule = "same" | "add" | "first";

/** By table, with the reason. */
const additive: Readonly<Record<string, string>> = {
  audit: "what was decided since, this restore among it, stays on record",
  audit_exports: "says which lines of audit lie in R2 already",
  revocations: "a token that was revoked since must not hold again",
  sessions: "a refresh token that was used or revoked since must not be good again",
  signing_keys: "a key that was taken back since must not sign again, and tokens signed since must still hold",
  executions_once: "an execution that was sent since must not be sent a second time",
  log_hours: "an hour that is dirty since must still be compacted",
  replays: "a replay that came since, and how far one is, is its Workflow's to say",
  dead_letters: "a letter that came since still waits, and one that was sent again does not",
};

export function ruleOf(part: PartName, section: string): RestoreRule {
  // Which migrations the database has run is not the backup's to say, unless it was made anew from it.
  if (section === "d1_migrations") return "first";
  // A manifest or a hold that came since decides what of the log is read and deleted.
  if (part === "r2:manifests") return "add";
  return section in additive ? "add" : "same";
}

/** Of rows, keys or objects: those of the backup that are there (`matched`), that are there as they were (`same`), and how many there are. */
export interface Compared {
  readonly total: number;
  readonly matched: number;
  readonly same: number;
  readonly present: number;
}

export const noCounts: RestoreCounts = { added: 0, changed: 0, removed: 0, unchanged: 0, kept: 0 };

export function countsOf(rule: RestoreRule, { total, matched, same, present }: Compared): RestoreCounts {
  const changed = matched - same;
  const removed = present - matched;
  if (rule === "first" && present > 0) return { ...noCounts, unchanged: same, kept: present - same };
  const counts = { added: total - matched, unchanged: same };
  if (rule === "same") return { ...counts, changed, removed, kept: 0 };
  return { ...counts, changed: 0, removed: 0, kept: changed + removed };
}

export function sumOf(counts: readonly RestoreCounts[]): RestoreCounts {
  return counts.reduce(
    (sum, next) => ({
      added: sum.added + next.added,
      changed: sum.changed + next.changed,
      removed: sum.removed + next.removed,
      unchanged: sum.unchanged + next.unchanged,
      kept: sum.kept + next.kept,
    }),
    noCounts,
  );
}
