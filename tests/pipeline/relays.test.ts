/** Relays that are split, killed, stalled and drained under load: no client passes a hole it was not told of, none is off for long. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { ChannelWatch } from "../../demo/watch.ts";
import { app } from "../../gateway/app.ts";
import { post } from "../support/edge.ts";
import { setFaults } from "../support/faults.ts";
import { openSocket, opportunity, token, type Frame, type TestSocket } from "../support/sockets.ts";

afterEach(() => setFaults({}));

/** The longest that a client may be without a socket. */
const offMsMax = 5_000;

/** A client that comes back at once, by its position, as the SDK does. */
class Rover {
  readonly watch = new ChannelWatch("opportunities");
  readonly ids: string[] = [];
  /** Region of each socket it had, in order. */
  readonly regions: string[] = [];
  longestOffMs = 0;
  #socket: TestSocket | undefined;
  #stopped = false;

  async connect(): Promise<this> {
    const socket = await openSocket(`/ws?token=${await token()}`);
    this.#socket = socket;
    socket.onFrame = (frame) => this.#receive(frame);
    this.#subscribe(socket);
    await socket.next("subscribed");
    void socket.closed.then(() => this.#comeBack(Date.now()));
    return this;
  }

  #subscribe(socket: TestSocket): void {
    const { epoch, last, channel } = this.watch;
    socket.send({ type: "subscribe", channel, ...(epoch === undefined ? {} : { epoch, offset: last }) });
  }

  async #comeBack(sinceMs: number): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.connect();
        this.longestOffMs = Math.max(this.longestOffMs, Date.now() - sinceMs);
        return;
      } catch {
        await pause(100);
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.close();
  }

  #receive(frame: Frame): void {
    if (frame.type === "welcome") this.regions.push(String(frame["region"]));
    if (frame["channel"] !== this.watch.channel) return;
    switch (frame.type) {
      case "subscribed":
        return this.watch.subscribed(frame as Frame & Parameters<ChannelWatch["subscribed"]>[0]);
      case "position":
        return this.watch.positioned(Number(frame["offset"]));
      case "unsubscribed":
        return this.#socket === undefined ? undefined : this.#subscribe(this.#socket);
      default:
        this.watch.event(frame as Frame & Parameters<ChannelWatch["event"]>[0]);
        this.ids.push(String(frame["id"]));
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Posts a batch each 50 ms until it is stopped, and knows what was accepted. */
function load(): { readonly ids: string[]; stop(): Promise<void> } {
  const ids: string[] = [];
  let isOn = true;
  const work = (async () => {
    while (isOn) {
      const fresh = Array.from({ length: 5 }, () => crypto.randomUUID());
      const { accepted } = await post(fresh.map((id) => opportunity({ id, timeMs: Date.now() })));
      expect(accepted).toBe(5);
      ids.push(...fresh);
      await pause(50);
    }
  })();
  return {
    ids,
    stop: () => {
      isOn = false;
      return work;
    },
  };
}

async function place(placement: object): Promise<void> {
  const init = { method: "PUT", headers: { "x-api-key": env.OPS_API_KEY }, body: JSON.stringify({ v: 1, ...placement }) };
  expect((await app.request("https://edge.test/ops/placement", init, env)).status).toBe(200);
}

async function kill(relay: string): Promise<void> {
  const stub = env.RELAYS.get(env.RELAYS.idFromName(relay));
  await runInDurableObject(stub, (_, state) => state.abort("killed by a test")).catch(() => undefined);
}

/** Calls reach the relay and are not answered until then. */
function stall(relay: string, untilMs: number): void {
  setFaults({
    deliver: async (to, request, send) => {
      if (to === relay) await pause(Math.max(0, untilMs - Date.now()));
      return await send(request);
    },
  });
}

it("splits, kills, stalls and drains a relay under load: zero holes, all at the log's end, nobody off for more than five seconds", async () => {
  // Requests of tests carry no place: the first region is everybody's home.
  const [home = "", next = ""] = env.REGIONS.split(",");
  const rovers = await Promise.all(Array.from({ length: 6 }, () => new Rover().connect()));
  const posting = load();
  await pause(500);
  await place({ shards: { [home]: 3 } });
  rovers.push(...(await Promise.all(Array.from({ length: 6 }, () => new Rover().connect()))));
  await pause(500);
  await kill(`relay:${home}:0`);
  await pause(1_000);
  stall(`relay:${home}:0`, Date.now() + 2_000);
  await pause(2_500);
  setFaults({});
  await place({ shards: { [home]: 3 }, drained: [home] });
  await vi.waitFor(() => expect(new Set(rovers.map(({ regions }) => regions.at(-1)))).toEqual(new Set([next])), { timeout: 10_000 });
  await place({ shards: { [home]: 3 } });
  await pause(500);
  await posting.stop();
  for (const rover of rovers) {
    await vi.waitFor(() => expect(rover.ids.at(-1)).toBe(posting.ids.at(-1)), { timeout: 35_000, interval: 100 });
    const { holes, repeats, resets } = rover.watch;
    expect({ holes, repeats, resets }).toEqual({ holes: 0, repeats: 0, resets: 0 });
    expect(posting.ids.slice(-rover.ids.length)).toEqual(rover.ids);
    expect(rover.longestOffMs).toBeLessThan(offMsMax);
    rover.stop();
  }
  // The first six were there when their relay was killed, and came back before the drain.
  expect(rovers.slice(0, 6).every(({ regions }) => regions.length >= 3)).toBe(true);
}, 90_000);
