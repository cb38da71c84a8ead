/** An idle relay costs next to nothing: it is evicted while its sockets stay, and answers the SDK's ping without being woken. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, it } from "vitest";
import { rawRelay } from "../support/relays.ts";
import { openSocket, opportunities, publish } from "../support/sockets.ts";
import { relayStarts } from "../support/starts.ts";

/** The runtime evicts after ten seconds without work; positions are written a second after the last event. */
const idleMs = 16_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it("sleeps between renewals though a socket subscribes, answers pings in its sleep, and wakes for an event", async () => {
  const socket = await openSocket("/ws?batch=0");
  socket.send({ type: "subscribe", channel: "opportunities", filters: { chain: "arbitrum" } });
  await socket.next("subscribed");
  await publish("opportunities", opportunities(1));
  await socket.next("opportunity_detected");
  const before = relayStarts();
  await pause(idleMs);
  socket.send('{"type":"ping"}');
  await socket.next("pong");
  expect(relayStarts()).toBe(before);
  // The renewal finds no instance: a new one comes to life.
  await runDurableObjectAlarm(rawRelay());
  expect(relayStarts()).toBe(before + 1);
  await pause(idleMs);
  await publish("opportunities", opportunities(1));
  await socket.next("opportunity_detected");
  expect(relayStarts()).toBe(before + 2);
  socket.close();
}, 60_000);
