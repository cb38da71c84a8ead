/** Brings the object back to its work: by a timer for what is near, by the one alarm for what is far. The alarm is also the timers' safety
 *  net: it is set once in a while, not once a flush, because setting it is billed like a row. */
import { safetyNetMs } from "../../schemas/limits.ts";

export interface WakerDeps {
  now(): number;
  setAlarm(time: number): void;
  /** Never throws. */
  work(): void;
}

export class Waker {
  readonly #deps: WakerDeps;
  #timer: { readonly at: number; readonly id: ReturnType<typeof setTimeout> } | undefined;
  /** The earliest alarm this instance has set; undefined when it knows of none. */
  #alarmAt: number | undefined;

  constructor(deps: WakerDeps) {
    this.#deps = deps;
  }

  /** Work is due at `time`, or soon after if the object dies before. */
  at(time: number): void {
    const now = this.#deps.now();
    if (time - now < safetyNetMs) this.#startTimer(time, now);
    this.#armAlarm(Math.max(time, now + safetyNetMs));
  }

  /** The alarm went off: the next one has to be set anew. */
  alarmed(): void {
    this.#alarmAt = undefined;
  }

  #startTimer(at: number, now: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer.id);
    const run = (): void => {
      this.#timer = undefined;
      this.#deps.work();
    };
    this.#timer = { at, id: setTimeout(run, Math.max(0, at - now)) };
  }

  /** Only ever moved forward: one that comes too early finds nothing to do. */
  #armAlarm(at: number): void {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.#deps.setAlarm(at);
  }
}
