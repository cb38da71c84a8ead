/** The SDK against the running edge, over a line that breaks: what it hands to the application is the log, event for event. */
import { SignJWT } from "jose";
import superjson from "superjson";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connect, type ChannelName, type Client, type ClientEvents, type ConnectOptions, type Position } from "arbitragex-edge/client";
import { opportunityJson } from "../support/publications.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { FlakyLine } from "./flaky-line.ts";
import { opportunitiesOf, postEvents, readLog, waitFor, type LogEntry } from "./log.ts";

let edge: EdgeProcess;
const ends: (() => void)[] = [];
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function lineToEdge(): Promise<FlakyLine> {
  const line = await FlakyLine.to(edge.port);
  ends.push(() => line.close());
  return line;
}

function open(options: Partial<ConnectOptions> & { readonly url: string }): Client {
  const client = connect(options);
  ends.push(() => client.close());
  return client;
}

function statusOf(client: Client, wanted: ClientEvents["status"]): Promise<void> {
  const wait = waitFor(`status ${wanted}`);
  client.on("status", wait.poke);
  return wait.done(() => client.status === wanted);
}

/** A token of the development edge, for reading everything. */
function tokenFor(seconds: number): Promise<string> {
  return new SignJWT({ sub: "sdk-test", role: "admin" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("arbitragex-edge")
    .setAudience("arbitragex-edge")
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode("dev-jwt-secret-not-for-production-0001"));
}

/** Records a channel; `has` resolves once so many events are there. */
function record(client: Client, options: Parameters<Client["channel"]>[1] = {}, name: ChannelName = "opportunities") {
  const channel = client.channel(name, options);
  const seen: LogEntry[] = [];
  const told: string[] = [];
  const wait = waitFor("what was posted", 60_000);
  let start: Position | undefined;
  channel.on("event", ({ epoch, offset, id }) => {
    seen.push({ epoch, offset, id });
    wait.poke();
  });
  channel.on("subscribed", ({ position, recovered }) => {
    start ??= position;
    told.push(recovered ? "recovered" : "subscribed");
    wait.poke();
  });
  channel.on("lost", () => told.push("lost"));
  channel.on("snapshot", ({ epoch, offset }) => {
    // What the application holds from here on is the snapshot; the log goes on from its position.
    start = { epoch, offset };
    seen.length = 0;
    told.push("snapshot");
  });
  channel.on("error", ({ code }) => {
    told.push(code);
    wait.poke();
  });
  const until = (condition: () => boolean): Promise<void> => wait.done(condition);
  return { channel, seen, told, until, has: (count: number) => until(() => seen.length >= count), start: () => start };
}

it("was cut off while 500 events passed: hands over exactly those, in order, none twice", async () => {
  const line = await lineToEdge();
  const client = open({ url: line.url });
  const { seen, told, has, until, start } = record(client);
  await until(() => start() !== undefined);
  await postEvents(edge.url, opportunitiesOf("cut-before", 20));
  await has(20);
  line.cut();
  await statusOf(client, "waiting");
  await postEvents(edge.url, opportunitiesOf("cut-during", 500));
  line.mend();
  await has(520);
  await postEvents(edge.url, opportunitiesOf("cut-after", 20));
  await has(540);
  expect(seen).toEqual(await readLog(edge.url, "opportunities", start() ?? { epoch: "", offset: -1 }));
  expect(told).toEqual(["subscribed", "recovered"]);
});

it("is cut off twenty times in the middle of a stream of events, and still has each of them once and in order", async () => {
  const line = await lineToEdge();
  // Connections that do not last are followed by longer and longer delays: here the shortest ones.
  const client = open({ url: line.url, random: () => 0.01 });
  const { seen, told, has, until, start } = record(client);
  await until(() => start() !== undefined);
  for (let round = 0; round < 20; round++) {
    const posted = postEvents(edge.url, opportunitiesOf(`stream-${round}`, 60));
    // Somewhere between the first event's arrival and the last one's.
    await has(seen.length + 1);
    line.cut();
    await Promise.all([statusOf(client, "waiting"), posted]);
    line.mend();
    await statusOf(client, "open");
  }
  await has(1_200);
  expect(seen).toEqual(await readLog(edge.url, "opportunities", start() ?? { epoch: "", offset: -1 }));
  expect(told).not.toContain("lost");
});

it("gets what its filter lets through, over cuts, without asking twice for what the filter left out", async () => {
  const line = await lineToEdge();
  const client = open({ url: line.url });
  const { seen, told, has, until, start } = record(client, { filters: { min_profit: "100" } });
  await until(() => start() !== undefined);
  const profit = (index: number): { profit: string } => ({ profit: index % 10 === 0 ? "100.00" : "99.99" });
  await postEvents(edge.url, opportunitiesOf("filter-1", 100, profit));
  await has(10);
  line.cut();
  await statusOf(client, "waiting");
  await postEvents(edge.url, opportunitiesOf("filter-2", 200, profit));
  line.mend();
  await has(30);
  const log = await readLog(edge.url, "opportunities", start() ?? { epoch: "", offset: -1 });
  expect(seen).toEqual(log.filter(({ id }) => id.endsWith("0")));
  expect(told).toEqual(["subscribed", "recovered"]);
});

it("stood in an epoch that is no more: says so, reads the snapshot, and goes on from its position without a hole", async () => {
  const client = open({ url: edge.url });
  const { seen, told, has, until, start } = record(client, { from: { epoch: "0-foreign", offset: 3 } });
  await until(() => told.includes("recovered"));
  const before = seen.length;
  await postEvents(edge.url, opportunitiesOf("epoch", 10));
  await has(before + 10);
  expect(told).toEqual(["lost", "snapshot", "recovered"]);
  expect(seen).toEqual(await readLog(edge.url, "opportunities", start() ?? { epoch: "", offset: -1 }));
});

it("was away for more than the edge brings back: its list is right again, and its events are the log's from the snapshot on", async () => {
  const line = await lineToEdge();
  const client = open({ url: line.url });
  const { seen, told, until, start } = record(client);
  const view = client.entities("opportunities", { filters: { chain: "optimism" } });
  const wait = waitFor("the right list", 60_000);
  view.onChange(wait.poke);
  const shown = (): string[] => view.current.items.map((each) => `${each.opportunity_id} ${each.estimated_profit}`);
  // Ahead of the clock, so that none expires while this runs; each later than the one before, so that none is stale.
  const timeMs = Date.now() + 60_000;
  const update = (index: number) => ({
    entity: `far-${index % 40}`,
    chain: "optimism",
    timeMs: timeMs + index,
    profit: `${index}.5`,
    type: "opportunity.updated" as const,
  });
  await until(() => start() !== undefined);
  await postEvents(edge.url, opportunitiesOf("far-early", 40, update));
  await wait.done(() => view.current.items.length === 40);
  line.cut();
  await statusOf(client, "waiting");
  await postEvents(edge.url, opportunitiesOf("far-late", 10_100, update));
  // How a client waits for a hot cache that is behind is subscription.test.ts's: here it has caught up.
  const settled = async (): Promise<number> => {
    const response = await fetch(`${edge.url}/api/channels/opportunities/snapshot?limit=1`);
    return ((await response.json()) as { data?: { offset: number } }).data?.offset ?? 0;
  };
  await expect.poll(settled, { timeout: 60_000 }).toBeGreaterThanOrEqual((start()?.offset ?? 0) + 10_140);
  line.mend();
  const expected = Array.from({ length: 40 }, (_, rank) => `far-${(10_099 - rank) % 40} ${10_099 - rank}.5`);
  await wait.done(() => view.current.state === "live" && shown()[0] === expected[0]);
  await until(() => told.at(-1) === "recovered");
  await postEvents(edge.url, opportunitiesOf("far-end", 1));
  await until(() => seen.at(-1)?.id === "far-end-0");
  expect(shown()).toEqual(expected);
  expect(told).toEqual(["subscribed", "lost", "snapshot", "recovered"]);
  expect(seen).toEqual(await readLog(edge.url, "opportunities", start() ?? { epoch: "", offset: -1 }));
});

it("brings BigInt and Date back to the application", async () => {
  const client = open({ url: edge.url });
  const channel = client.channel("opportunities");
  const wait = waitFor("the event");
  const metadata: unknown[] = [];
  channel.on("event", ({ id, data }) => {
    if (id === "revived") metadata.push(data.metadata);
    wait.poke();
  });
  channel.on("subscribed", wait.poke);
  await wait.done(() => channel.phase === "live");
  const sent = { wei: 2n ** 200n, seenAt: new Date("2026-11-24T02:00:00.123Z") };
  const plain = opportunityJson({ id: "revived" });
  const { json, meta } = superjson.serialize({ ...(plain["data"] as object), metadata: sent });
  await postEvents(edge.url, [{ ...plain, data: json, meta }]);
  await wait.done(() => metadata.length > 0);
  expect(metadata).toEqual([sent]);
});

it("comes back to the newest market data, whatever happened in between", async () => {
  const line = await lineToEdge();
  const client = open({ url: line.url });
  const channel = client.channel("market");
  const wait = waitFor("market data");
  const profits: string[] = [];
  const told: string[] = [];
  channel.on("event", ({ data }) => {
    profits.push(data.profit);
    wait.poke();
  });
  channel.on("subscribed", wait.poke);
  channel.on("lost", () => told.push("lost"));
  await wait.done(() => channel.phase === "live");
  const market = (index: number): Record<string, unknown> => {
    const time = new Date(Date.now() + index).toISOString();
    const data = {
      profit: `${index}.5`,
      success_rate: "0.9",
      latency_ms: 1,
      total_opportunities: 1,
      total_executions: 1,
      last_update: time,
    };
    return { specversion: "1.0", id: `market-${index}`, source: "contabo/test", type: "market.updated", time, data };
  };
  await postEvents(edge.url, [market(1)]);
  await wait.done(() => profits.length === 1);
  line.cut();
  await statusOf(client, "waiting");
  await postEvents(edge.url, [market(2), market(3), market(4)]);
  line.mend();
  await wait.done(() => profits.at(-1) === "4.5");
  expect(told).toEqual([]);
});

function executions(name: string, count: number): Record<string, unknown>[] {
  const time = new Date().toISOString();
  return Array.from({ length: count }, (_, index) => ({
    specversion: "1.0",
    id: `${name}-${index}`,
    source: "contabo/test",
    type: "execution.submitted",
    time,
    data: { execution_id: `${name}-${index}`, opportunity_id: "o", chain: "base", status: "submitted", created_at: time },
  }));
}

it("whose token is about to end renews it on the living socket and misses nothing", async () => {
  let asked = 0;
  const client = open({ url: edge.url, token: () => tokenFor(++asked === 1 ? 3 : 600) });
  const { seen, told, has, until, start } = record(client, {}, "executions");
  await until(() => start() !== undefined);
  // The relay looks at expiries when it sends: events keep coming until it told of this one.
  let posted = 0;
  while (asked < 2) {
    await postEvents(edge.url, executions(`expiry-${posted}`, 5));
    posted += 5;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await postEvents(edge.url, executions("expiry-end", 5));
  await has(posted + 5);
  expect(seen).toEqual(await readLog(edge.url, "executions", start() ?? { epoch: "", offset: -1 }));
  expect(told).toEqual(["subscribed"]);
  expect(client.status).toBe("open");
});

it("without the right is told so, and with a bad token waits long before it asks again", async () => {
  const anonymous = record(open({ url: edge.url }), {}, "executions");
  await anonymous.until(() => anonymous.told.includes("UNAUTHORIZED"));
  expect(anonymous.channel.phase).toBe("ended");
  const line = await lineToEdge();
  const forged = open({ url: line.url, token: async () => "forged" });
  const errors: string[] = [];
  forged.on("error", ({ code }) => errors.push(code));
  forged.channel("opportunities");
  await statusOf(forged, "open");
  await statusOf(forged, "waiting");
  expect(errors).toContain("UNAUTHORIZED");
  expect(line.opened).toBe(1);
});

it("asks who listens, and for pages of the log: forwards, backwards, and from where the last one ended", async () => {
  const token = async (): Promise<string> => await tokenFor(600);
  const [client, other] = [open({ url: edge.url, token }), open({ url: edge.url, token })];
  const { channel, until, start } = record(client, {}, "executions");
  const watching = record(other, {}, "executions");
  await until(() => start() !== undefined);
  await watching.until(() => watching.start() !== undefined);
  const presence = await channel.presence();
  expect([presence.users, presence.clients]).toEqual([1, 2]);
  expect(presence.members.map(({ user }) => user)).toEqual(["sdk-test", "sdk-test"]);

  const posted = executionsOf("paged", 25);
  await postEvents(edge.url, posted);
  const log = await readLog(edge.url, "executions", start() ?? { epoch: "", offset: 0 });
  const idsOf = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);
  const first = await channel.history({ since: start() ?? 0, limit: 10 });
  const second = await channel.history({ since: first.position, limit: 10 });
  const third = await channel.history({ since: second.position, limit: 10 });
  expect([...idsOf(first.events), ...idsOf(second.events), ...idsOf(third.events)]).toEqual(idsOf(log));
  expect(first.events[0]).toMatchObject({ channel: "executions", data: { execution_id: "paged-0", status: "submitted" } });
  expect(idsOf((await channel.history({ limit: 3 })).events)).toEqual(idsOf(log.slice(-3)));
  expect(idsOf((await channel.history({ limit: 3, reverse: true })).events)).toEqual(idsOf(log.slice(-3).toReversed()));
  await expect(channel.history({ since: { epoch: "another", offset: 1 } })).rejects.toMatchObject({ code: "CONFLICT" });
  const stranger = open({ url: edge.url }).channel("opportunities");
  await expect(stranger.presence()).rejects.toMatchObject({ name: "EdgeError", code: expect.stringMatching(/FORBIDDEN|UNAUTHORIZED/) });
});

function executionsOf(name: string, count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => {
    const time = new Date().toISOString();
    const data = { execution_id: `${name}-${index}`, opportunity_id: "o", chain: "base", status: "submitted", created_at: time };
    return { specversion: "1.0", id: `${name}-${index}`, source: "contabo/test", type: "execution.submitted", time, data };
  });
}
