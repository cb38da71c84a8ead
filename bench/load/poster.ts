/** Posts events to a server: at a steady rate whatever the answers do (open loop), or as fast as answers come (closed loop). */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../peers/server.ts";
import { nowMicros } from "./clock.ts";
import { eventMaker } from "./event.ts";
import { newHistogram, record, type Histogram } from "./histogram.ts";

export interface PostReport {
  readonly posts: number;
  readonly events: number;
  /** Of posts answered with 2xx. */
  readonly acceptedEvents: number;
  /** Posts by status; 0 had no answer. */
  readonly statuses: Readonly<Record<number, number>>;
  /** From when a post was due to its answer. */
  readonly answered: Histogram;
  /** From when it was on its connection: before, it waited for one here, where the server cannot see it. */
  readonly served: Histogram;
  /** How late posts left, at worst. */
  readonly lateMsMax: number;
  /** Until the last post was sent, and until the last was answered. */
  readonly seconds: number;
  readonly answeredSeconds: number;
}

export interface Rate {
  readonly eventsPerSecond: number;
  /** Events in one post, where the server takes arrays. */
  readonly batch: number;
  readonly seconds: number;
  /** What an event's delay counts from: when it was due, which leaves out nothing that made it wait, or when it was sent. */
  readonly stamp: "due" | "sent";
}

interface Sent {
  /** 0: no answer. */
  readonly status: number;
  readonly sentMicros: number | undefined;
}

const connectionsMax = 256;
/** Posts for each connection: beyond, a post leaves late rather than being added to a heap that no answer lowers. */
const inFlightFactor = 2;
const answerTimeoutMs = 30_000;

export class Poster {
  readonly #server: Server;
  readonly #make = eventMaker();
  readonly #agent: Agent;
  readonly #inFlightMax: number;
  #sequence = 0;

  /** What finds no free connection waits here, where the server cannot see it. */
  constructor(server: Server, connections = connectionsMax) {
    this.#server = server;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo" });
    this.#inFlightMax = inFlightFactor * connections;
  }

  async steadily({ eventsPerSecond, batch, seconds, stamp }: Rate): Promise<PostReport> {
    const size = this.#server.post.takesArrays ? batch : 1;
    const everyMs = (size * 1_000) / eventsPerSecond;
    const totals = new Totals();
    const pending = new Set<Promise<void>>();
    let onAnswer: (() => void) | undefined;
    const startedAt = performance.now();
    const startedMicros = nowMicros();
    for (let index = 0; index * everyMs < seconds * 1_000; index++) {
      const waitMs = index * everyMs - (performance.now() - startedAt);
      if (waitMs > 0) await sleep(waitMs);
      // Not a race of them all: at a thousand of them that would be more work than posting.
      while (pending.size >= this.#inFlightMax) await new Promise<void>((resolve) => (onAnswer = resolve));
      const dueMicros = startedMicros + Math.round(index * everyMs * 1_000);
      totals.lateMsMax = Math.max(totals.lateMsMax, (nowMicros() - dueMicros) / 1e3);
      const post: Promise<void> = this.#post(size, stamp === "due" ? dueMicros : nowMicros(), totals).finally(() => {
        pending.delete(post);
        onAnswer?.();
      });
      pending.add(post);
    }
    totals.seconds = (performance.now() - startedAt) / 1_000;
    await Promise.all(pending);
    totals.answeredSeconds = (performance.now() - startedAt) / 1_000;
    return totals;
  }

  /** As many posts as `inFlight` senders get answered. */
  async flatOut({ batch, seconds, inFlight }: { batch: number; seconds: number; inFlight: number }): Promise<PostReport> {
    const totals = new Totals();
    const startedAt = performance.now();
    const sender = async (): Promise<void> => {
      while (performance.now() - startedAt < seconds * 1_000) await this.#post(batch, nowMicros(), totals);
    };
    await Promise.all(Array.from({ length: inFlight }, sender));
    totals.seconds = (performance.now() - startedAt) / 1_000;
    totals.answeredSeconds = totals.seconds;
    return totals;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #post(size: number, stampMicros: number, totals: Totals): Promise<void> {
    const nowMs = Date.now();
    const texts = Array.from({ length: size }, () => this.#make({ stampMicros, sequence: (this.#sequence += 1), nowMs }));
    const { status, sentMicros } = await this.#send(size === 1 ? (texts[0] ?? "") : `[${texts.join(",")}]`);
    totals.posts += 1;
    totals.events += size;
    totals.statuses[status] = (totals.statuses[status] ?? 0) + 1;
    if (status >= 200 && status < 300) totals.acceptedEvents += size;
    record(totals.answered, nowMicros() - stampMicros);
    if (sentMicros !== undefined) record(totals.served, nowMicros() - sentMicros);
  }

  #send(body: string): Promise<Sent> {
    const { host, port, post } = this.#server;
    const { promise, resolve } = Promise.withResolvers<Sent>();
    let sentMicros: number | undefined;
    const end = (status: number): void => resolve({ status, sentMicros });
    const headers = { ...post.headers, "content-length": Buffer.byteLength(body) };
    const options = { agent: this.#agent, host, port, path: post.path, method: "POST", headers, timeout: answerTimeoutMs };
    const sent = request(options, (response) => {
      response.resume();
      response.on("end", () => end(response.statusCode ?? 0));
      response.on("error", () => end(0));
    });
    sent.on("finish", () => (sentMicros = nowMicros()));
    sent.on("error", () => end(0));
    sent.on("timeout", () => sent.destroy());
    sent.end(body);
    return promise;
  }
}

/** `611 × 202, 2 × no answer` */
export function showStatuses({ statuses }: PostReport): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${count} × ${status === "0" ? "no answer" : status}`)
    .join(", ");
}

class Totals implements PostReport {
  posts = 0;
  events = 0;
  acceptedEvents = 0;
  readonly statuses: Record<number, number> = {};
  readonly answered = newHistogram();
  readonly served = newHistogram();
  lateMsMax = 0;
  seconds = 0;
  answeredSeconds = 0;
}
