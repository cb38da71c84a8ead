/** Everything at once: clients come and go, the relay dies between and within bursts, calls from the hub are lost and repeated. Whatever
 *  the order, each client has each event of its channel exactly once, in order, and no hole it was not told of. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { setFaults } from "../../tests/support/faults.ts";
import { killInBurst, rawRelay } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, type Frame, type TestSocket } from "../../tests/support/sockets.ts";

afterEach(() => setFaults({}));

/** Seeded: the same choices each time, but for what timing does to their order. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** A client as the contract wants it: it keeps its position, reads whatever came, and returns by position. */
class Client {
  readonly channel: string;
  readonly batch: boolean;
  readonly offsets: number[] = [];
  readonly faults: string[] = [];
  epoch = "";
  last = 0;
  #socket: TestSocket | undefined;
  #read = 0;

  constructor(channel: string, batch: boolean) {
    this.channel = channel;
    this.batch = batch;
  }

  async connect(): Promise<void> {
    const position = this.epoch === "" ? "" : `epoch=${this.epoch}&offset=${this.last}&`;
    this.#socket = await openSocket(`/ws/${this.channel}?${position}batch=${this.batch ? 1 : 0}`);
    this.#read = 0;
  }

  async disconnect(): Promise<void> {
    this.read();
    this.#socket?.close();
    await this.#socket?.closed;
    this.read();
  }

  read(): void {
    const frames = this.#socket?.frames ?? [];
    for (; this.#read < frames.length; this.#read++) {
      const frame = frames[this.#read];
      if (frame !== undefined) this.#take(frame);
    }
  }

  #take(frame: Frame): void {
    const offset = Number(frame["offset"]);
    switch (frame.type) {
      case "batch":
        for (const inner of frame["frames"] as Frame[]) this.#take(inner);
        return;
      case "subscribed":
        if (this.epoch !== "" && frame["recovered"] !== true) this.faults.push(`not recovered at ${this.last}`);
        this.epoch = String(frame["epoch"]);
        this.last = offset;
        return;
      case "position":
        this.last = Math.max(this.last, offset);
        return;
      case "unsubscribed":
        this.#socket?.send({ type: "subscribe", channel: this.channel, epoch: this.epoch, offset: this.last });
        return;
      case "error":
        this.faults.push(JSON.stringify(frame));
        return;
      case "opportunity_detected":
        if (Number(frame["prev"]) > this.last) this.faults.push(`hole before ${offset}: ${String(frame["prev"])} > ${this.last}`);
        if (offset <= (this.offsets.at(-1) ?? 0)) this.faults.push(`${offset} after ${this.offsets.at(-1)}`);
        this.last = offset;
        this.offsets.push(offset);
    }
  }
}

/** Evicted a moment ago and not woken since. */
function alreadyGone(error: unknown): void {
  if (!String(error).includes("not currently running")) throw error;
}

it.each([1, 2, 3, 4])(
  "storm %i",
  async (seed) => {
    const random = randomFrom(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const chains = ["arbitrum", "base", "bsc"];
    const expected = new Map<string, number[]>(
      ["opportunities", ...chains.map((chain) => `opportunities:${chain}`)].map((name) => [name, []]),
    );
    const clients = [...expected.keys()].flatMap((name) => [new Client(name, false), new Client(name, true)]);
    for (const client of clients) await client.connect();
    await vi.waitFor(() => {
      for (const client of clients) client.read();
      expect(clients.every(({ epoch }) => epoch !== "")).toBe(true);
    });
    const since = Math.max(...clients.map(({ last }) => last));
    setFaults({
      deliver: async (_, request, send) => {
        const luck = random();
        if (luck < 0.15) throw new Error("lost on the way there");
        const reply = await send(request);
        if (luck < 0.3) throw new Error("lost on the way back");
        return luck < 0.4 ? send(request) : reply;
      },
    });
    for (let step = 0; step < 40; step++) {
      const chain = chains[below(chains.length)] ?? "base";
      const { offsets } = await publish("opportunities", opportunities(1 + below(20), { chain }));
      expected.get("opportunities")?.push(...offsets);
      expected.get(`opportunities:${chain}`)?.push(...offsets);
      const client = clients[below(clients.length)];
      const luck = random();
      if (luck < 0.4) {
        await client?.disconnect();
        await client?.connect();
      } else if (luck < 0.5) await evictDurableObject(rawRelay()).catch(alreadyGone);
      else if (luck < 0.6) await killInBurst("opportunities");
      for (const reader of clients) reader.read();
    }
    setFaults({});
    await runDurableObjectAlarm(rawRelay());
    await vi.waitFor(() => {
      for (const client of clients) client.read();
      for (const client of clients) expect(client.offsets.filter((offset) => offset > since)).toEqual(expected.get(client.channel));
    }, 20_000);
    expect(clients.flatMap(({ faults }) => faults)).toEqual([]);
    for (const client of clients) await client.disconnect();
  },
  60_000,
);
