/** A subscriber that stops reading, and so stops acknowledging, which it offered as the SDK does: on a runtime that does not tell what is unsent a
 *  relay sees nothing else. So that its slowness reaches the server, it asks for more history than the kernel's buffers take. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../peers/server.ts";
import { nowMicros } from "../load/clock.ts";
import { dialects } from "../load/dialect.ts";
import { RawSocket } from "../load/raw-socket.ts";
import { EventReader, Tally } from "../load/reader.ts";

/** 1,000 events of some 800 B each: 16 of them are more than a loopback connection holds. */
const historyRequests = 16;
const historyFrame = Buffer.from('{"type":"history"');

export interface NeverRead {
  /** Live events that were waiting for it at the end. */
  readonly delivered: number;
  readonly holes: number;
  /** The server's close code, or undefined when the socket was still open. */
  readonly closed: number | undefined;
}

export class NeverReads {
  readonly #socket: RawSocket;
  readonly #tally = new Tally();
  readonly #reader = new EventReader(this.#tally, { hasPositions: true, sinceMicros: nowMicros() });
  readonly #subscribed = Promise.withResolvers<void>();
  #closed: number | undefined;

  constructor({ host, port }: Server) {
    this.#socket = new RawSocket(
      { host, port, path: `${dialects.edge.path}?ack=1` },
      {
        onOpen: () => undefined,
        onText: (text) => this.#read(text),
        onClose: (code) => {
          this.#closed = code;
          this.#subscribed.reject(new Error(`closed with ${code}`));
        },
      },
    );
  }

  /** Resolves once it has stopped. */
  async stopReading(): Promise<void> {
    await this.#subscribed.promise;
    this.#socket.pause();
    for (let index = 0; index < historyRequests; index++) this.#socket.send('{"type":"history","channel":"opportunities","limit":1000}');
  }

  /** Reads all that waits, and leaves. */
  async drain(): Promise<NeverRead> {
    this.#socket.resume();
    for (let last = -1; this.#tally.delivered > last; await sleep(1_000)) last = this.#tally.delivered;
    const { delivered, holes } = this.#tally;
    this.#socket.close();
    return { delivered, holes, closed: this.#closed };
  }

  #read(text: Buffer): void {
    if (text.includes(dialects.edge.readyOn)) this.#subscribed.resolve();
    if (!text.subarray(0, historyFrame.length).equals(historyFrame)) this.#reader.read(text, nowMicros());
  }
}
