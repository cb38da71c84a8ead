/** The thread that holds the subscribers' sockets. Answers questions of audience.ts. */
import { parentPort } from "node:worker_threads";
import type { Dialect } from "./dialect.ts";
import { nowMicros } from "./clock.ts";
import { newHistogram, type Histogram } from "./histogram.ts";
import { RawSocket } from "./raw-socket.ts";
import { EventReader, Tally } from "./reader.ts";

export interface Opening {
  readonly host: string;
  readonly port: number;
  readonly dialect: Dialect;
  readonly sockets: number;
  /** Earlier events are not counted. */
  readonly sinceMicros: number;
}

export interface AudienceReport {
  readonly delivered: number;
  readonly holes: number;
  readonly disordered: number;
  /** Of the subscriber that got least. */
  readonly leastDelivered: number;
  /** Delays since the last report. */
  readonly lag: Histogram;
  /** Closings nobody asked for, by code. */
  readonly closed: Readonly<Record<number, number>>;
}

/** What may be asked, and what is answered. */
export interface Calls {
  open(opening: Opening): void;
  report(): AudienceReport;
  close(): void;
}

export interface Question {
  readonly call: number;
  readonly method: keyof Calls;
  readonly opening: Opening | undefined;
}

export type Answer = { readonly call: number; readonly result: unknown } | { readonly call: number; readonly error: string };

const openingAtOnce = 50;

class Subscribers {
  readonly #tally = new Tally();
  readonly #readers: EventReader[] = [];
  readonly #sockets: RawSocket[] = [];
  readonly #closed: Record<number, number> = {};

  async open({ sockets, ...opening }: Opening): Promise<void> {
    for (let left = sockets; left > 0; left -= openingAtOnce) {
      await Promise.all(Array.from({ length: Math.min(left, openingAtOnce) }, () => this.#openOne(opening)));
    }
  }

  #openOne({ host, port, dialect, sinceMicros }: Omit<Opening, "sockets">): Promise<void> {
    const reader = new EventReader(this.#tally, { hasPositions: dialect.hasPositions, sinceMicros });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const ready = dialect.readyOn === undefined ? undefined : Buffer.from(dialect.readyOn);
    let isReady = false;
    const socket = new RawSocket(
      { host, port, path: dialect.path },
      {
        onOpen: () => {
          if (ready === undefined) resolve();
        },
        onText: (text) => {
          reader.read(text, nowMicros());
          if (!isReady && ready !== undefined && text.includes(ready)) {
            isReady = true;
            resolve();
          }
          if (dialect.replies !== undefined) answerTo(socket, dialect.replies, text.toString("latin1", 0, 1));
        },
        onClose: (code) => {
          this.#closed[code] = (this.#closed[code] ?? 0) + 1;
          reject(new Error(`a subscriber was closed with ${code}`));
        },
      },
    );
    this.#readers.push(reader);
    this.#sockets.push(socket);
    return promise;
  }

  report(): AudienceReport {
    const { delivered, holes, disordered, lag } = this.#tally;
    this.#tally.lag = newHistogram();
    const leastDelivered = Math.min(...this.#readers.map((reader) => reader.delivered));
    return { delivered, holes, disordered, leastDelivered, lag, closed: { ...this.#closed } };
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

function answerTo(socket: RawSocket, replies: Readonly<Record<string, string>>, first: string): void {
  const reply = replies[first];
  if (reply !== undefined) socket.send(reply);
}

let subscribers = new Subscribers();

async function answer({ method, opening }: Question): Promise<unknown> {
  switch (method) {
    case "open":
      if (opening !== undefined) await subscribers.open(opening);
      return undefined;
    case "report":
      return subscribers.report();
    case "close":
      subscribers.close();
      subscribers = new Subscribers();
      return undefined;
  }
}

parentPort?.on("message", (question: Question) => {
  const { call } = question;
  answer(question).then(
    (result) => parentPort?.postMessage({ call, result } satisfies Answer),
    (error: unknown) => parentPort?.postMessage({ call, error: String(error) } satisfies Answer),
  );
});
