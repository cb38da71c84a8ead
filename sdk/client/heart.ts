/** Runs heartbeat.ts against a clock: one timer a connection. */
import { beat, probe, type Beat, type Pulse } from "./heartbeat.ts";

export interface HeartDeps {
  readonly now: () => number;
  ping(): void;
  onDead(): void;
  onLatency(ms: number): void;
}

export class Heart {
  readonly #deps: HeartDeps;
  #pulse: Pulse = { heardMs: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: HeartDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#pulse = { heardMs: this.#deps.now() };
    this.#take(beat(this.#pulse, this.#deps.now()));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  heard(): void {
    this.#pulse = { ...this.#pulse, heardMs: this.#deps.now() };
  }

  /** A pong came. Other frames prove life as well, but only this one tells the way's length. */
  answered(): void {
    const { ping } = this.#pulse;
    if (ping !== undefined) this.#deps.onLatency(Math.max(0, this.#deps.now() - ping.sentMs));
    this.#pulse = { heardMs: this.#pulse.heardMs };
  }

  probe(): void {
    this.#take(probe(this.#pulse, this.#deps.now()));
  }

  #take(step: Beat): void {
    clearTimeout(this.#timer);
    if (step.kind === "dead") return this.#deps.onDead();
    this.#pulse = step.pulse;
    if (step.kind === "ping") this.#deps.ping();
    this.#timer = setTimeout(() => this.#take(beat(this.#pulse, this.#deps.now())), step.delayMs);
  }
}
