import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import { setFaults } from "../../tests/support/faults.ts";
import { presenceFreshMs, presenceMembersMax, presenceTimeoutMs } from "../../schemas/limits.ts";
import type { MembersReply } from "../../schemas/presence.ts";
import { channelStub } from "../stubs.ts";
import { unionOf } from "./presence.ts";

afterEach(() => setFaults({}));

/** `ana1` is Ana's first socket. */
function reply(clients: readonly string[], over: Partial<MembersReply> = {}): MembersReply {
  const members = clients.map((client) => ({ user: client.slice(0, -1), client }));
  return { v: 1, members, users: new Set(members.map(({ user }) => user)).size, clients: members.length, ...over };
}

it("counts a user on two relays once and lists all their sockets", () => {
  const union = unionOf([reply(["ana1", "ana2"]), reply(["ana3", "bo1"], { clients: 9 })]);
  expect(union).toMatchObject({ users: 2, clients: 11, silent: 0 });
  expect(union.members.map(({ client }) => client)).toEqual(["ana1", "ana2", "ana3", "bo1"]);
});

it("says how many relays were silent, counts what a relay had no room to name, and names no more than its own cap", () => {
  const many = Array.from({ length: presenceMembersMax }, (_, n) => `u${n}-`);
  const union = unionOf([reply(many, { users: presenceMembersMax + 5 }), reply(["ana1"]), undefined]);
  expect([union.users, union.members.length, union.silent]).toEqual([presenceMembersMax + 6, presenceMembersMax, 1]);
});

async function join(stream: string, relays: readonly string[]): Promise<void> {
  for (const relay of relays) await channelStub(env, stream).interest({ v: 1, stream, relay, generation: 1 });
}

it("asks each relay once for all who ask within two seconds, and leaves out one that hangs", async () => {
  const stream = "alerts";
  const asked: string[] = [];
  let skewMs = 0;
  const install = (): void =>
    setFaults({
      skewMs,
      deliver: async (_, request) => ({ v: 1, kind: "at", position: request.prev }),
      members: async (relay) => {
        asked.push(relay);
        return relay.includes("apac") ? await new Promise(() => undefined) : reply(["ana1"]);
      },
    });
  install();
  await join(stream, ["relay:weur:0", "relay:enam:0", "relay:apac:0"]);
  const ask = () => channelStub(env, stream).presence({ v: 1, stream, channel: stream });
  const [one, two] = await Promise.all([ask(), ask()]);
  expect(one).toMatchObject({ v: 1, users: 1, clients: 2, silent: 1 });
  expect(two).toEqual(one);
  expect(asked.toSorted()).toEqual(["relay:apac:0", "relay:enam:0", "relay:weur:0"]);
  skewMs = presenceFreshMs + presenceTimeoutMs + 1_000;
  install();
  await ask();
  expect(asked).toHaveLength(6);
});
