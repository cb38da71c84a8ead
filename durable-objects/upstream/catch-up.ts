/** Asks, once for each time a socket was subscribed, what was missed before it was. Nothing waits for the answer: the socket's own frames
 *  pass it, and versions say which state is newer. What is asked and what an answer means is producers/upstream's. */
import { messageOf } from "../../platform/errors.ts";
import { logError } from "../../platform/log.ts";
import type { MissedOrder, UpstreamFrame } from "../../schemas/upstream.ts";

export interface CatchUpDeps {
  missed(order: MissedOrder): Promise<readonly UpstreamFrame[]>;
  add(frame: UpstreamFrame): void;
}

export class CatchUp {
  readonly #deps: CatchUpDeps;
  #heardMs: number | undefined;
  #running: { readonly abort: AbortController; readonly heardMs: number | undefined } | undefined;

  constructor(deps: CatchUpDeps) {
    this.#deps = deps;
  }

  /** The subscribed socket said something: nothing before is missed. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** The socket at this address is subscribed from now on. */
  begin(address: string): void {
    // One that was not answered takes its time with it into the next.
    const heardMs = this.#running === undefined ? this.#heardMs : this.#running.heardMs;
    this.stop();
    const running = { abort: new AbortController(), heardMs };
    this.#running = running;
    void this.#run({ address, heardMs, signal: running.abort.signal }).then(() => {
      if (this.#running === running) this.#running = undefined;
    });
  }

  stop(): void {
    this.#running?.abort.abort();
    this.#running = undefined;
  }

  /** Never rejects. */
  async #run(order: MissedOrder): Promise<void> {
    try {
      const frames = await this.#deps.missed(order);
      if (!order.signal.aborted) for (const frame of frames) this.#deps.add(frame);
    } catch (error) {
      logError("upstream.missed.failed", { reason: messageOf(error) });
    }
  }
}
