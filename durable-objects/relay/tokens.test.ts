/** A token's life on a socket: announced before its end, renewed on the live connection, ended on time, asleep or awake. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { renewEveryMs } from "../../schemas/limits.ts";
import { rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, token } from "../../tests/support/sockets.ts";
import { noticeAt } from "./access.ts";
import { noticeMs } from "./bounds.ts";

const granting = (channel: string): Record<string, unknown> => ({ sub: "u", channels: { [channel]: ["subscribe"] } });

describe("when a client is told that its token is about to expire", () => {
  it.each([
    ["an hour", 3_600_000, 3_600_000 - noticeMs],
    ["three minutes", 180_000, 120_000],
    ["two minutes", 120_000, 60_000],
    ["a minute", 60_000, 30_000],
    ["four seconds", 4_000, 2_000],
  ])("a token of %s", (_, lifeMs, expectedMs) => {
    expect(noticeAt(1_000_000, 1_000_000 + lifeMs) - 1_000_000).toBe(expectedMs);
  });

  it("comes before two renewals have passed, so that a sleeping relay has one left", () => {
    expect(noticeMs).toBeGreaterThanOrEqual(2 * renewEveryMs);
  });
});

it("is announced by the renewal of a relay that sleeps, once, and nobody else is told", async () => {
  const short = await openSocket(`/ws?token=${await token({ expiresInSeconds: 6 })}`);
  const long = await openSocket(`/ws?token=${await token()}`);
  const { expires_at: expiresAt } = await short.next("authenticated");
  await long.next("authenticated");
  await evictDurableObject(rawRelay());
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(rawRelay());
    expect(short.frames.at(-1)).toEqual({ type: "token_expiring", expires_at: expiresAt });
  }, 6_000);
  await evictDurableObject(rawRelay());
  await runDurableObjectAlarm(rawRelay());
  await short.quiet();
  expect(short.frames.filter(({ type }) => type === "token_expiring")).toHaveLength(1);
  expect(long.frames.some(({ type }) => type === "token_expiring")).toBe(false);
  // The end comes by the same way.
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(rawRelay());
    expect(await relayRows<{ at_ms: number }>("SELECT at_ms FROM due")).toMatchObject([
      { at_ms: expect.toSatisfy((ms) => Number(ms) > Date.now() + 60_000) },
    ]);
  }, 10_000);
  expect((await short.closed).code).toBe(4009);
  await long.quiet();
  long.close();
});

it("is announced before the next event on a relay that is awake", async () => {
  const socket = await openSocket(`/ws/opportunities?token=${await token({ expiresInSeconds: 4 })}`);
  await socket.next("subscribed");
  const witness = await openSocket("/ws/opportunities");
  await witness.next("subscribed");
  await vi.waitFor(async () => {
    await publish("opportunities", opportunities(1));
    await witness.next("opportunity_detected");
    expect(socket.frames.some(({ type }) => type === "token_expiring")).toBe(true);
  }, 6_000);
  socket.close();
  witness.close();
});

it("can be renewed on a live socket, which then lives as long as the new one and keeps what that covers", async () => {
  const socket = await openSocket(`/ws?token=${await token({ claims: granting("executions"), expiresInSeconds: 2 })}`);
  await socket.next("authenticated");
  for (const channel of ["executions", "market"]) {
    socket.send({ type: "subscribe", channel });
    await socket.next("subscribed");
  }
  socket.send({ type: "authenticate", token: await token({ claims: granting("strategies") }), id: 2 });
  expect(await socket.next("authenticated")).toMatchObject({ id: 2 });
  expect(await socket.next("unsubscribed")).toMatchObject({ channel: "executions", code: 2003 });
  socket.send({ type: "subscribe", channel: "strategies" });
  expect(await socket.next("subscribed")).toMatchObject({ channel: "strategies" });
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(rawRelay());
    const [due] = await relayRows<{ at_ms: number }>("SELECT at_ms FROM due");
    expect(Number(due?.at_ms)).toBeGreaterThan(Date.now() + 60_000);
  }, 5_000);
  await socket.quiet();
  expect(socket.frames.filter(({ type }) => type === "unsubscribed")).toHaveLength(1);
  socket.close();
});
