/** One user's runaway script must not take the room of all others. */
import { evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { userSocketsMax } from "../../schemas/limits.ts";
import { rawRelay } from "../../tests/support/relays.ts";
import { openSocket, token, type TestSocket } from "../../tests/support/sockets.ts";
import { Users } from "./users.ts";

it("a user's socket beyond the bound is closed, in its dialect; the others live on, and there is room again when one goes", async () => {
  const mine = await token({ claims: { sub: "many", role: "trader" } });
  const sockets: TestSocket[] = [];
  for (let count = 0; count < userSocketsMax; count++) {
    const socket = await openSocket(`/ws?token=${mine}`);
    await socket.next("authenticated");
    sockets.push(socket);
  }
  // A woken relay counts those that lived on.
  await evictDurableObject(rawRelay());
  const beyond = await openSocket(`/ws?token=${mine}`);
  expect(await beyond.closed).toMatchObject({ code: 4029 });
  const late = await openSocket("/ws?batch=0");
  late.send({ type: "authenticate", token: mine });
  expect(await late.closed).toMatchObject({ code: 4029 });
  const centrifugo = await openSocket("/connection/websocket");
  centrifugo.send({ id: 1, connect: { token: mine } });
  expect(await centrifugo.closed).toMatchObject({ code: 3504 });
  const other = await openSocket(`/ws?token=${await token()}`);
  await other.next("authenticated");
  const [first, second] = sockets;
  // A new token for a socket that is there already takes no more room.
  first?.send({ type: "authenticate", token: mine, id: "again" });
  expect(await first?.next("authenticated")).toMatchObject({ id: "again" });
  second?.close();
  await second?.closed;
  const next = await openSocket(`/ws?token=${mine}`);
  await next.next("authenticated");
  for (const socket of [next, other, ...sockets]) socket.close();
});

it("counts sockets of a user, whoever leaves or becomes somebody else", () => {
  const users = new Users<object>();
  const [one, two, three] = [{}, {}, {}];
  expect([users.enter(one, "u"), users.enter(two, "u"), users.enter(two, "u")]).toEqual([1, 2, 2]);
  users.leave(one);
  expect([users.enter(three, undefined), users.enter(three, "u"), users.enter(two, "v"), users.enter(one, "u")]).toEqual([0, 2, 1, 2]);
});
