/** What a relay has taken and not yet shown, and when it is shown: by the relay's own windows (coalesce.ts), or at once when too much is
 *  pending. */
import { pendingBytesMax } from "../durable-objects/relay/bounds.ts";
import { idle, onPending, onTimer, type Coalesce, type CoalesceStep } from "../durable-objects/relay/coalesce.ts";
import type { Agenda } from "./agenda.ts";
import type { TakenRow } from "./audience.ts";
import type { Cpu } from "./cpu.ts";

export interface FlusherDeps {
  readonly agenda: Agenda;
  readonly cpu: Cpu;
  readonly eventBytes: number;
  /** Answers how many milliseconds it takes. */
  show(rows: readonly TakenRow[]): number;
}

export class Flusher {
  readonly #deps: FlusherDeps;
  #pending: TakenRow[] = [];
  #pendingBytes = 0;
  #coalesce: Coalesce = idle;
  /** What was planned before everything was dropped does not happen. */
  #life = 0;

  constructor(deps: FlusherDeps) {
    this.#deps = deps;
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** Within a turn; answers by how many milliseconds this makes it longer. */
  add(rows: readonly TakenRow[]): number {
    if (rows.length === 0) return 0;
    this.#pending.push(...rows);
    for (const { row } of rows) this.#pendingBytes += row.count * this.#deps.eventBytes;
    const costMs = this.#step(onPending(this.#coalesce, this.#deps.agenda.now));
    return this.#pendingBytes > pendingBytesMax ? costMs + this.flush() : costMs;
  }

  flush(): number {
    const rows = this.#pending;
    if (rows.length === 0) return 0;
    this.#pending = [];
    this.#pendingBytes = 0;
    return this.#deps.show(rows);
  }

  drop(): void {
    this.#life += 1;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#coalesce = idle;
  }

  #step({ state, flush, timerMs }: CoalesceStep): number {
    const { agenda, cpu } = this.#deps;
    this.#coalesce = state;
    const life = this.#life;
    const onDue = (): number => (life === this.#life ? this.#step(onTimer(this.#coalesce, agenda.now)) : 0);
    // A timer that is due while the thread works waits for it: that is how a flush is measured.
    if (timerMs !== undefined) agenda.after(timerMs, () => cpu.turn(onDue));
    return flush ? this.flush() : 0;
  }
}
