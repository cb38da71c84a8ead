/** npm `centrifuge`, unmodified, against the running edge: cut off, away, recovered and equal to the log; and each way to be refused. */
import { Centrifuge, type PublicationContext, type Subscription, type SubscribedContext } from "centrifuge";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { FlakyLine } from "./flaky-line.ts";
import { opportunitiesOf, postEvents, readLog, waitFor } from "./log.ts";

let edge: EdgeProcess;
let line: FlakyLine;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
  line = await FlakyLine.to(edge.port);
});
afterAll(async () => {
  line.close();
  await edge.end("SIGTERM");
});

const clients: Centrifuge[] = [];
function connect(options: ConstructorParameters<typeof Centrifuge>[1] = {}): Centrifuge {
  const client = new Centrifuge(`ws://127.0.0.1:${line.port}/connection/websocket`, { minReconnectDelay: 50, ...options });
  // Without a listener the SDK's emitter throws what it reports.
  client.on("error", () => undefined);
  client.connect();
  clients.push(client);
  return client;
}
afterAll(() => {
  for (const client of clients) client.disconnect();
});

async function mint(claims: Record<string, unknown>, seconds = 600): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("arbitragex-edge")
    .setAudience("arbitragex-edge")
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode("dev-jwt-secret-not-for-production-0001"));
}

interface Seen {
  readonly offset: number;
  readonly id: string;
}

/** Keeps every publication of a subscription. */
class Watcher {
  readonly subscription: Subscription;
  readonly seen: Seen[] = [];
  readonly publications: PublicationContext[] = [];
  readonly subscribed: SubscribedContext[] = [];
  readonly #news = waitFor("what the test waits for");

  constructor(client: Centrifuge, channel: string) {
    this.subscription = client.newSubscription(channel);
    this.subscription.on("error", () => undefined);
    this.subscription.on("subscribed", (context) => {
      this.subscribed.push(context);
      this.#news.poke();
    });
    this.subscription.on("publication", (context) => {
      this.publications.push(context);
      this.seen.push({ offset: Number(context.offset), id: (context.data as { id: string }).id });
      this.#news.poke();
    });
    this.subscription.subscribe();
  }

  async until(condition: () => boolean): Promise<void> {
    await this.#news.done(condition);
  }
}

let serial = 0;
const fresh = (count: number, chain = "arbitrum"): Record<string, unknown>[] =>
  opportunitiesOf(`cf-${process.pid}-${++serial}`, count, () => ({ chain }));

it("is cut off, misses 500 events, recovers exactly those and goes on live, equal to the log event for event", async () => {
  const watcher = new Watcher(connect(), "opportunities");
  await watcher.until(() => watcher.subscribed.length === 1);
  const start = watcher.subscribed[0]?.streamPosition;
  await postEvents(edge.url, fresh(20));
  await watcher.until(() => watcher.seen.length === 20);
  line.cut();
  await postEvents(edge.url, fresh(500));
  line.mend();
  await watcher.until(() => watcher.seen.length === 520);
  expect(watcher.subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true, recoverable: true, positioned: true });
  await postEvents(edge.url, fresh(5));
  await watcher.until(() => watcher.seen.length === 525);
  const log = await readLog(edge.url, "opportunities", { epoch: start?.epoch ?? "", offset: start?.offset ?? 0 });
  expect(watcher.seen).toEqual(log.map(({ offset, id }) => ({ offset, id })));
  expect(watcher.publications[0]?.data).toMatchObject({
    type: "opportunity.detected",
    time: expect.stringMatching(/Z$/),
    data: { chain: "arbitrum", estimated_profit: "24.50" },
  });
});

it("recovers a view by its stream's positions, and one in which nothing happened meanwhile", async () => {
  const client = connect();
  const view = new Watcher(client, "opportunities:celo");
  const quiet = new Watcher(client, "opportunities:gnosis");
  await view.until(() => view.subscribed.length === 1);
  await quiet.until(() => quiet.subscribed.length === 1);
  line.cut();
  const wanted = fresh(3, "celo");
  await postEvents(edge.url, [...fresh(10), ...wanted, ...fresh(10)]);
  line.mend();
  await view.until(() => view.seen.length === 3);
  expect(view.seen.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
  await quiet.until(() => quiet.subscribed.length === 2);
  expect(quiet.subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true });
  expect(quiet.seen).toEqual([]);
});

it("finds its subscription under an alias", async () => {
  const watcher = new Watcher(connect(), "arbitrage");
  await watcher.until(() => watcher.subscribed.length === 1);
  await postEvents(edge.url, fresh(1));
  await watcher.until(() => watcher.seen.length === 1);
  expect(watcher.publications[0]?.channel).toBe("arbitrage");
});

it("reads history forwards, backwards, from a position, and only where the stream stands", async () => {
  const watcher = new Watcher(connect(), "opportunities");
  await watcher.until(() => watcher.subscribed.length === 1);
  await postEvents(edge.url, fresh(6));
  await watcher.until(() => watcher.seen.length === 6);
  const { subscription, seen } = watcher;
  const epoch = watcher.subscribed[0]?.streamPosition?.epoch ?? "";
  const shown = async (options: Parameters<Subscription["history"]>[0]): Promise<number[]> =>
    (await subscription.history(options)).publications.map(({ offset }) => Number(offset));
  const offsets = seen.map(({ offset }) => offset);
  const [first = 0, second, third] = offsets;
  expect(await subscription.history({ limit: 0 })).toMatchObject({ publications: [], epoch, offset: offsets.at(-1) });
  expect(await shown({ limit: 2, since: { offset: first, epoch } })).toEqual([second, third]);
  expect(await shown({ limit: 3, reverse: true })).toEqual(offsets.slice(-3).toReversed());
  expect(await shown({ limit: 2, reverse: true, since: { offset: third ?? 0, epoch } })).toEqual([second, first]);
  expect(await shown({ limit: 1 })).toEqual([1]);
  await expect(subscription.history({ limit: 1, since: { offset: first, epoch: "0-foreign" } })).rejects.toMatchObject({ code: 112 });
});

it("hears nothing more once it has unsubscribed, and comes back by its position", async () => {
  const client = connect();
  const watcher = new Watcher(client, "opportunities");
  const witness = new Watcher(connect(), "opportunities");
  await watcher.until(() => watcher.subscribed.length === 1);
  await witness.until(() => witness.subscribed.length === 1);
  watcher.subscription.unsubscribe();
  const [event] = fresh(1);
  await postEvents(edge.url, event === undefined ? [] : [event]);
  await witness.until(() => witness.seen.length === 1);
  expect(watcher.seen).toEqual([]);
  watcher.subscription.subscribe();
  await watcher.until(() => watcher.subscribed.length === 2 && watcher.seen.length === 1);
  expect(watcher.seen).toEqual(witness.seen);
});

it("is refused with the protocol's codes, and goes on working: unknown channel 102, no token 101, publish 103, rpc 104, presence without a right 101", async () => {
  const client = connect();
  const refusedWith = (channel: string): Promise<number> => {
    const subscription = client.newSubscription(channel);
    const left = new Promise<number>((resolve) => subscription.on("unsubscribed", ({ code }) => resolve(code)));
    subscription.subscribe();
    return left;
  };
  expect(await refusedWith("nothing:here")).toBe(102);
  expect(await refusedWith("executions")).toBe(101);
  const watcher = new Watcher(client, "opportunities");
  await watcher.until(() => watcher.subscribed.length === 1);
  await expect(watcher.subscription.publish({ hello: 1 })).rejects.toMatchObject({ code: 103 });
  await expect(client.rpc("anything", {})).rejects.toMatchObject({ code: 104 });
  await expect(watcher.subscription.presence()).rejects.toMatchObject({ code: 101 });
  await expect(watcher.subscription.presenceStats()).rejects.toMatchObject({ code: 101 });
  await postEvents(edge.url, fresh(1));
  await watcher.until(() => watcher.seen.length === 1);
});

it("with a bad token is disconnected for good with 3500", async () => {
  const gone = await new Promise<unknown>((resolve) => connect({ token: "a.b.c" }).on("disconnected", resolve));
  expect(gone).toMatchObject({ code: 3500 });
});

it("with an expired token fetches another and gets what that one allows", async () => {
  const client = connect({
    token: await mint({ sub: "u" }, -10),
    getToken: () => mint({ sub: "u", channels: { executions: ["subscribe"] } }),
  });
  const watcher = new Watcher(client, "executions");
  await watcher.until(() => watcher.subscribed.length === 1);
  const forbidden = client.newSubscription("strategies");
  const left = new Promise((resolve) => forbidden.on("unsubscribed", resolve));
  forbidden.subscribe();
  expect(await left).toMatchObject({ code: 103 });
});

it("refreshes its token on the live connection, which stays", async () => {
  const tokens: string[] = [];
  const news = waitFor("a second refresh");
  const client = connect({
    getToken: async () => {
      tokens.push(await mint({ sub: "u", role: "trader" }, 4));
      news.poke();
      return tokens.at(-1) ?? "";
    },
  });
  let drops = 0;
  client.on("connecting", ({ code }) => (drops += code === 0 ? 0 : 1));
  await news.done(() => tokens.length === 3);
  expect({ drops, state: client.state }).toEqual({ drops: 0, state: "connected" });
});

it.each([
  ["natively", "/ws?batch=0", 4029, (index: number) => ({ type: "subscribe", channel: `opportunities:chain-${index}` })],
  [
    "in this protocol",
    "/connection/websocket",
    3013,
    (index: number) => (index === 0 ? { id: 1, connect: {} } : { id: index + 1, subscribe: { channel: `opportunities:chain-${index}` } }),
  ],
] as const)("does not notice a socket that sends 10,000 subscribes %s and is closed for it", async (_, path, expected, command) => {
  const watcher = new Watcher(connect(), "opportunities");
  await watcher.until(() => watcher.subscribed.length === 1);
  const hostile = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`);
  await new Promise((resolve) => hostile.addEventListener("open", resolve));
  const closed = new Promise<number>((resolve) => hostile.addEventListener("close", ({ code }) => resolve(code)));
  for (let index = 0; index < 10_000; index += 1) hostile.send(JSON.stringify(command(index)));
  await postEvents(edge.url, fresh(20));
  await watcher.until(() => watcher.seen.length === 20);
  expect(await closed).toBe(expected);
  expect(watcher.subscribed).toHaveLength(1);
});
