/** Which earlier event of an entity a legacy socket was shown: stale events never are, so the chain is followed past them. */
import type { LiveEvent } from "../../channels/dialects/live-event.ts";
import { staleKept } from "./bounds.ts";

export class Shown {
  /** Offset of a stale event → offset of the entity's last event before it that was shown. Insertion order is offset order. */
  readonly #past = new Map<number, number>();

  clear(): void {
    this.#past.clear();
  }

  /** Offset of the event of the same entity that was shown last before this one, or 0. */
  before(event: LiveEvent): number {
    return this.#past.get(event.earlier) ?? event.earlier;
  }

  note(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (!event.stale) continue;
      this.#past.set(event.offset, this.before(event));
      if (this.#past.size <= staleKept) continue;
      const [oldest] = this.#past.keys();
      if (oldest !== undefined) this.#past.delete(oldest);
    }
  }
}
