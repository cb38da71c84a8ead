/** Everything at once, in the real runtime: clients come and go, relay and channel die between and within bursts, calls from the hub are
 *  lost, late and repeated, posts are repeated. Whatever the order, each client has each event of its channel exactly once, in order, and no
 *  hole it was not told of. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { setFaults } from "../../tests/support/faults.ts";
import { killInBurst, rawRelay } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, type Frame, type TestSocket } from "../../tests/support/sockets.ts";

afterEach(() => setFaults({}));

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
  #isOpen = false;

  constructor(channel: string, batch: boolean) {
    this.channel = channel;
    this.batch = batch;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async connect(): Promise<void> {
    const position = this.epoch === "" ? "" : `epoch=${this.epoch}&offset=${this.last}&`;
    this.#socket = await openSocket(`/ws/${this.channel}?${position}batch=${this.batch ? 1 : 0}`);
    this.#read = 0;
    this.#isOpen = true;
    const socket = this.#socket;
    void socket.closed.then(() => {
      if (this.#socket === socket) this.#isOpen = false;
    });
  }

  async disconnect(): Promise<void> {
    this.read();
    this.#isOpen = false;
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
        // One that is closed comes back by its position anyway.
        if (this.#isOpen) this.#socket?.send({ type: "subscribe", channel: this.channel, epoch: this.epoch, offset: this.last });
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

async function die(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject(stub, (_, state) => state.abort("killed by a test")).catch(() => undefined);
}

const chains = ["arbitrum", "base"] as const;
const rawChannel = () => env.CHANNELS.get(env.CHANNELS.idFromName("channel:opportunities"));

type Posted = ReturnType<typeof opportunities>;

/** What was published, by channel. */
class Ledger {
  readonly expected = new Map<string, number[]>(
    ["opportunities", ...chains.map((chain) => `opportunities:${chain}`)].map((name) => [name, []]),
  );
  #last: { readonly events: Posted; readonly offsets: readonly number[] } | undefined;

  async publish(count: number, chain: string): Promise<void> {
    const events = opportunities(count, { chain });
    // A channel that died under the call is called again, as ingest does.
    const { offsets } = await publish("opportunities", events).catch(() => publish("opportunities", events));
    this.expected.get("opportunities")?.push(...offsets);
    this.expected.get(`opportunities:${chain}`)?.push(...offsets);
    this.#last = { events, offsets };
  }

  /** A repeat gets its original positions and reaches nobody. */
  async repeat(): Promise<void> {
    if (this.#last === undefined) return;
    const { offsets } = await publish("opportunities", this.#last.events);
    if (String(offsets) !== String(this.#last.offsets)) throw new Error(`a repeat of ${this.#last.offsets} got ${offsets}`);
  }
}

interface Storm {
  readonly ledger: Ledger;
  readonly clients: readonly Client[];
}

type Step = (storm: Storm) => Promise<void>;

const clientIndex = fc.nat(3);
const steps: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 8,
    arbitrary: fc.record({ count: fc.integer({ min: 1, max: 20 }), chain: fc.constantFrom(...chains) }).map(
      ({ count, chain }): Step =>
        ({ ledger }) =>
          ledger.publish(count, chain),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>(({ ledger }) => ledger.repeat()) },
  {
    weight: 4,
    arbitrary: clientIndex.map((index): Step => async ({ clients }) => {
      await clients[index]?.disconnect();
      await clients[index]?.connect();
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>(() => evictDurableObject(rawRelay()).catch(alreadyGone)) },
  { weight: 1, arbitrary: fc.constant<Step>(() => killInBurst("opportunities")) },
  { weight: 1, arbitrary: fc.constant<Step>(() => die(rawRelay())) },
  { weight: 1, arbitrary: fc.constant<Step>(() => die(rawChannel())) },
];

/** The fate of each call from the hub, in turn. */
const fates = fc.array(fc.constantFrom("through", "through", "lost", "answer lost", "late", "repeated"), { minLength: 1, maxLength: 12 });

function strike(pattern: readonly string[]): void {
  let calls = 0;
  setFaults({
    deliver: async (_, request, send) => {
      const fate = pattern[calls++ % pattern.length];
      if (fate === "lost") throw new Error("lost on the way there");
      if (fate === "late") {
        // Arrives after the hub has given up on it and sent other things.
        void new Promise((resolve) => setTimeout(resolve, 40)).then(() => send(request)).catch(() => undefined);
        throw new Error("late");
      }
      const reply = await send(request);
      if (fate === "answer lost") throw new Error("lost on the way back");
      return fate === "repeated" ? send(request) : reply;
    },
  });
}

async function weather(storm: Storm, schedule: readonly Step[]): Promise<void> {
  for (const step of schedule) {
    await step(storm);
    for (const client of storm.clients) {
      client.read();
      // A relay that died took its sockets along.
      if (!client.isOpen) await client.connect();
    }
  }
}

async function runStorm(schedule: readonly Step[], pattern: readonly string[]): Promise<void> {
  const ledger = new Ledger();
  const clients = [
    new Client("opportunities", false),
    new Client("opportunities", true),
    ...chains.map((chain) => new Client(`opportunities:${chain}`, true)),
  ];
  for (const client of clients) await client.connect();
  await vi.waitFor(() => {
    for (const client of clients) client.read();
    expect(clients.every(({ epoch }) => epoch !== "")).toBe(true);
  });
  const since = Math.max(...clients.map(({ last }) => last));
  strike(pattern);
  await weather({ ledger, clients }, schedule);
  setFaults({});
  // One more, so that nobody waits for a renewal.
  await ledger.publish(1, "arbitrum");
  await vi.waitFor(async () => {
    for (const client of clients) {
      client.read();
      if (!client.isOpen) await client.connect();
    }
    for (const { channel, offsets } of clients) expect(offsets.filter((offset) => offset > since)).toEqual(ledger.expected.get(channel));
  }, 20_000);
  expect(clients.flatMap(({ faults }) => faults)).toEqual([]);
  for (const client of clients) await client.disconnect();
}

it("leaves every client with each event of its channel once and in order, in fifty storms", async () => {
  const storms = fc.asyncProperty(fc.array(fc.oneof(...steps), { minLength: 3, maxLength: 10 }), fates, runStorm);
  await fc.assert(storms, { numRuns: 50, endOnFailure: true });
}, 300_000);
