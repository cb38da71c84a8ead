/** The newest state of each entity of a channel, made of a snapshot and the events after it. Pure but for its own memory: no clock, no
 *  sockets. An event changes an entity only if it is not stale and beyond the state that is held (docs/protocol.md, 6). */
import type { Filters, Position } from "./channels.ts";
import { matches } from "./filters.ts";
import type { Snapshot } from "./snapshot.ts";

export interface EntityRules<D> {
  idOf(data: D): string;
  /** Whether the entity has come to its end and is not shown any more. */
  isOver(data: D, nowMs: number): boolean;
  /** When it will be over by itself; infinite when only an event ends it. */
  endsMs(data: D): number;
  /** The order of the list: what comes first is kept when there are too many. */
  compare(a: D, b: D): number;
}

interface Held<D> extends Position {
  readonly data: D;
}

export interface EntityEvent<D> extends Position {
  readonly data: D;
  readonly stale?: true;
}

export class EntitySet<D extends Readonly<Record<string, unknown>>> {
  readonly #rules: EntityRules<D>;
  readonly #filters: Filters;
  readonly #sizeMax: number;
  readonly #held = new Map<string, Held<D>>();

  constructor(rules: EntityRules<D>, { filters, sizeMax }: { readonly filters: Filters; readonly sizeMax: number }) {
    this.#rules = rules;
    this.#filters = filters;
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Whether the set changed. */
  apply({ data, epoch, offset, stale }: EntityEvent<D>, nowMs: number): boolean {
    const id = this.#rules.idOf(data);
    const held = this.#held.get(id);
    if (stale === true || (held?.epoch === epoch && held.offset >= offset)) return false;
    if (!this.#isShown(data, nowMs)) return this.#held.delete(id);
    this.#held.set(id, { data, epoch, offset });
    this.#trim();
    return true;
  }

  /** Takes a snapshot over what is held: the newer state of each entity stays, and what the snapshot would know of, but lacks, is gone. */
  load(snapshot: Snapshot<D>, nowMs: number): void {
    const { epoch } = snapshot;
    for (const [id, held] of [...this.#held]) {
      if (held.epoch !== epoch || held.offset <= snapshot.offset) this.#held.delete(id);
    }
    for (const { data, offset } of snapshot.items) {
      const id = this.#rules.idOf(data);
      const isNewer = (this.#held.get(id)?.offset ?? -1) < offset;
      if (isNewer && this.#isShown(data, nowMs)) this.#held.set(id, { data, epoch, offset });
    }
    this.#trim();
  }

  /** Drops what has come to its end by the clock alone. Whether the set changed. */
  sweep(nowMs: number): boolean {
    const over = [...this.#held].filter(([, { data }]) => this.#rules.isOver(data, nowMs));
    for (const [id] of over) this.#held.delete(id);
    return over.length > 0;
  }

  /** When the next sweep has something to do. */
  get nextEndMs(): number {
    return [...this.#held.values()].reduce((soonest, { data }) => Math.min(soonest, this.#rules.endsMs(data)), Number.POSITIVE_INFINITY);
  }

  list(limit: number): readonly D[] {
    return [...this.#held.values()]
      .map(({ data }) => data)
      .sort(this.#rules.compare)
      .slice(0, limit);
  }

  #isShown(data: D, nowMs: number): boolean {
    return !this.#rules.isOver(data, nowMs) && matches(this.#filters, data);
  }

  /** A tenth at once, so that a full set is not sorted for every event. */
  #trim(): void {
    if (this.#held.size <= this.#sizeMax) return;
    const kept = Math.ceil(this.#sizeMax * 0.9);
    const last = [...this.#held].sort(([, a], [, b]) => this.#rules.compare(a.data, b.data)).slice(kept);
    for (const [id] of last) this.#held.delete(id);
  }
}
