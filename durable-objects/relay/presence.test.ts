import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { app } from "../../gateway/app.ts";
import { openSocket, token, type Frame, type TestSocket } from "../../tests/support/sockets.ts";
import { presenceGraceMs, presenceMembersMax, presencePollMs } from "../../schemas/limits.ts";
import { ghostAfterMs } from "./bounds.ts";
import { Connection } from "./connection.ts";
import { membersOf, type Listener } from "./presence.ts";
import { changesOf, Watchers, type Known, type Watcher } from "./watchers.ts";

const now = 1_764_000_000_000;

function listener(id: string, sub: string | undefined, channels: readonly string[], open = true): Listener {
  return {
    id,
    open,
    claims: sub === undefined ? undefined : { sub },
    groups: new Map(channels.map((channel) => [channel, { spec: { channel } }])),
  };
}

it("lists a user's sockets, counts strangers by number alone, and nobody who is gone or elsewhere", () => {
  const listeners = [
    listener("1", "ana", ["opportunities"]),
    listener("2", "ana", ["opportunities", "market"]),
    listener("3", "bo", ["market"]),
    listener("4", "cy", ["opportunities"], false),
    listener("5", undefined, ["opportunities"]),
  ];
  expect(membersOf(listeners, "opportunities")).toEqual({
    v: 1,
    members: [
      { user: "ana", client: "1" },
      { user: "ana", client: "2" },
    ],
    users: 1,
    clients: 3,
  });
});

it("names no more members than its cap, and counts them all", () => {
  const many = Array.from({ length: presenceMembersMax + 1 }, (_, n) => listener(`${n}`, `u${n}`, ["market"]));
  const { members, users } = membersOf(many, "market");
  expect([members.length, users]).toEqual([presenceMembersMax, presenceMembersMax + 1]);
});

// ---- comings and goings

const ana = { user: "ana", client: "1" };
const bo = { user: "bo", client: "2" };
const known = (missingSince?: number): ReadonlyMap<string, Known> => new Map([["ana", { member: ana, missingSince }]]);

it.each([
  ["the first look tells nothing", undefined, [ana, bo], { joins: [], leaves: [] }],
  ["a second user joins", known(), [ana, bo], { joins: [bo], leaves: [] }],
  ["a second socket of a user is no join", known(), [ana, { user: "ana", client: "9" }], { joins: [], leaves: [] }],
  ["a user who is away has not left yet", known(), [], { joins: [], leaves: [] }],
  ["…nor a moment before the grace is over", known(now - presenceGraceMs + 1), [], { joins: [], leaves: [] }],
  ["a user who stays away has left", known(now - presenceGraceMs), [], { joins: [], leaves: [ana] }],
  ["a user who is back in time has neither left nor joined", known(now - 9_000), [ana], { joins: [], leaves: [] }],
] as const)("%s", (_, before, found, changes) => {
  expect(changesOf(before, found, now)).toMatchObject(changes);
});

it("remembers since when a user is away, and forgets one who left", () => {
  const { after } = changesOf(known(), [], now);
  expect(after.get("ana")).toEqual({ member: ana, missingSince: now });
  expect(changesOf(after, [], now + presenceGraceMs).after.size).toBe(0);
});

it("looks only while somebody watches, and goes on after a look that failed", async () => {
  vi.useFakeTimers();
  try {
    const told: unknown[] = [];
    const looks: (readonly (typeof ana)[] | Error)[] = [[ana], new Error("out of reach"), [ana, bo]];
    let looked = 0;
    const watchers = new Watchers({
      now: () => now,
      membersOf: async () => {
        const result = looks[looked++] ?? [];
        if (result instanceof Error) throw result;
        return result;
      },
    });
    const watcher = { open: true, watches: new Set(["market"]), tell: (reply: unknown) => void told.push(reply) } satisfies Watcher;
    watchers.add({ channel: "market", stream: "market" }, { watcher, name: "market" });
    await vi.advanceTimersByTimeAsync(2 * presencePollMs);
    expect(told).toEqual([{ kind: "join", channel: "market", member: bo }]);
    watcher.watches.clear();
    await vi.advanceTimersByTimeAsync(10 * presencePollMs);
    expect(looked).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

it.each([
  ["never pinged", undefined, undefined, false],
  ["pinged in time, by itself", undefined, now - ghostAfterMs, false],
  ["pinged in time, with a timestamp", now - ghostAfterMs, undefined, false],
  ["no longer pings", now - ghostAfterMs - 1, now - ghostAfterMs - 1, true],
] as const)("a client that %s is a ghost or not", (_, pingedAtMs, answeredAtMs, isGhost) => {
  const { 0: client } = new WebSocketPair();
  const connection = new Connection(client, { v: 1, id: "1", dialect: "native", batch: false, openedAtMs: 0 });
  connection.pingedAtMs = pingedAtMs;
  expect(connection.isGhost(now, () => answeredAtMs)).toBe(isGhost);
});

// ---- on sockets

async function open(sub: string): Promise<TestSocket> {
  return openSocket(`/ws?token=${await token({ claims: { sub, role: "admin" } })}`);
}

const users = (frame: Frame): string[] => (frame["members"] as { user: string }[]).map(({ user }) => user).toSorted();

it("tells who listens to a channel, and who comes", async () => {
  const watcher = await open("watcher");
  watcher.send({ type: "subscribe", channel: "executions", presence: true });
  await watcher.next("subscribed");
  watcher.send({ type: "presence", channel: "executions", id: 1 });
  const alone = await watcher.next("presence");
  expect(alone).toMatchObject({ channel: "executions", clients: 1, users: 1, id: 1 });
  expect(users(alone)).toEqual(["watcher"]);
  const visitor = await open("visitor");
  visitor.send({ type: "subscribe", channel: "executions" });
  await visitor.next("subscribed");
  expect(await watcher.next("join")).toMatchObject({ channel: "executions", member: { user: "visitor" } });
  visitor.send({ type: "presence", channel: "executions" });
  expect(users(await visitor.next("presence"))).toEqual(["visitor", "watcher"]);
  const headers = { authorization: `Bearer ${await token({ claims: { role: "admin" } })}` };
  const rest = await app.request("https://edge.test/api/channels/executions/presence", { headers }, env);
  expect(await rest.json()).toMatchObject({ data: { channel: "executions", users: 2, clients: 2, relays_silent: 0 } });
  watcher.close();
  visitor.close();
}, 20_000);
