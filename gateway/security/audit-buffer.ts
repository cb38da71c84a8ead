/** Counts alike refusals in one isolate until they are written: a flood costs a row, not a write each. Pure; when to write is audit.ts's. */
import type { AuditEntry, AuditRow } from "../../schemas/audit.ts";

/** Kinds of refusals told apart at a time. What comes beyond is counted by its action alone. */
export const auditKindsMax = 24;

export class AuditBuffer {
  #rows = new Map<string, AuditRow>();

  get isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  /** Alike: the same action of the same actor from the same address for the same reason. The first one's request stands for all. */
  add(entry: AuditEntry, nowMs: number): void {
    const exact = keyOf(entry);
    const isRoom = this.#rows.has(exact) || this.#rows.size < auditKindsMax;
    const kept: AuditEntry = isRoom ? entry : { action: entry.action, actor: "others" };
    const key = isRoom ? exact : keyOf(kept);
    const known = this.#rows.get(key);
    this.#rows.set(
      key,
      known === undefined ? { ...kept, timeMs: nowMs, firstMs: nowMs, count: 1 } : { ...known, timeMs: nowMs, count: known.count + 1 },
    );
  }

  /** All of them; the buffer is empty then. */
  take(): AuditRow[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    return rows;
  }
}

function keyOf({ action, actor, subject, address, details }: AuditEntry): string {
  return JSON.stringify([action, actor, subject, address, details]);
}
