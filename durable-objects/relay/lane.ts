/** The slow lane of a group: for a second it keeps of each entity the newest state only, then hands all of them over at once. Shared by all
 *  members that are in it, so conflation costs once a group. A state is told from its successor by the log's own chain (`earlier`): no
 *  event's data is read. */
import type { Rendering } from "../../channels/dialects/dialect.ts";
import type { LiveEvent } from "../../channels/dialects/live-event.ts";
import { laneEventsMax, leftOutMax } from "./bounds.ts";

interface Entry {
  readonly event: LiveEvent;
  /** The matching offset before it. */
  readonly prev: number;
  /** Offset of the entity's state that was shown last, or 0. */
  readonly shown: number;
}

export type Run = Omit<Rendering, "sparse">;

interface Window {
  readonly run: Run;
  /** By offset, which is their order. */
  readonly entries: Map<number, Entry>;
  /** Offset of a stale event → offset of the state before it. */
  readonly past: Map<number, number>;
  end: number;
}

export class Lane<Member> {
  readonly #members = new Set<Member>();
  /** What the lane had no room to show: offset → offset of the entity's state that was. The oldest are forgotten. */
  readonly #leftOut = new Map<number, number>();
  #window: Window | undefined;

  /** Whether the member gets nothing but what the lane hands over. It enters only between two windows, where it has all that was sent. */
  holds(member: Member, wants: boolean): boolean {
    if (this.#members.has(member)) return true;
    if (!wants || this.#window !== undefined) return false;
    this.#members.add(member);
    return true;
  }

  leave(member: Member): void {
    this.#members.delete(member);
  }

  /** Offsets count anew. */
  forget(): void {
    this.#leftOut.clear();
  }

  get isOpen(): boolean {
    return this.#window !== undefined;
  }

  get isFull(): boolean {
    return (this.#window?.entries.size ?? 0) >= laneEventsMax;
  }

  /** Which state of the entity was really shown, where the group's last one was left out. */
  shownAt(offset: number): number {
    return this.#leftOut.get(offset) ?? offset;
  }

  take(run: Run): void {
    if (this.#members.size === 0) return;
    const window = (this.#window ??= { run, entries: new Map(), past: new Map(), end: run.prev });
    for (const event of run.events) {
      this.#put(window, run, event);
      window.end = event.offset;
    }
  }

  #put({ entries, past, end: prev }: Window, run: Run, event: LiveEvent): void {
    const before = past.get(event.earlier) ?? event.earlier;
    // Older than what is known: it overwrites nothing, and the next state's chain leads past it.
    if (event.stale) return void past.set(event.offset, before);
    const shown = entries.get(before)?.shown ?? run.shownOf(event);
    entries.delete(before);
    entries.set(event.offset, { event, prev, shown });
  }

  /** Ends the window: what it holds, the newest `most` of it, and for whom. All leave the lane; who is still slow enters it again. */
  close(most = Number.POSITIVE_INFINITY): { readonly run: Rendering; readonly members: readonly Member[] } | undefined {
    const window = this.#window;
    this.#window = undefined;
    const members = [...this.#members];
    this.#members.clear();
    if (window === undefined) return undefined;
    const all = [...window.entries.values()];
    const kept = most >= all.length ? all : all.slice(all.length - most);
    for (const { event, shown } of all.slice(0, all.length - kept.length)) this.#remember(event.offset, shown);
    const shownOf = (event: LiveEvent): number => window.entries.get(event.offset)?.shown ?? 0;
    const sparse = { prevs: kept.map(({ prev }) => prev), end: window.end };
    return { run: { ...window.run, events: kept.map(({ event }) => event), shownOf, sparse }, members };
  }

  #remember(offset: number, shown: number): void {
    this.#leftOut.set(offset, shown);
    if (this.#leftOut.size <= leftOutMax) return;
    const [oldest] = this.#leftOut.keys();
    if (oldest !== undefined) this.#leftOut.delete(oldest);
  }
}
