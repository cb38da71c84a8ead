/** The reconnect storm of the deployed frontend (UPSTREAM 1) ends at the gateway: no relay hears of what is shed. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { app } from "../app.ts";
import { admit } from "./allowances.ts";
import { networkOf } from "./client-address.ts";
import { Handshakes, handshakeRate } from "./handshakes.ts";

const rate = { burst: 3, everyMs: 1_000 };

const addresses = ["/ws", "/ws/opportunities", "/parties/channel/market", "/connection/websocket", "/sse/opportunities"];

/** No allowance grows back while a slow machine asks. */
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

let touches = 0;
const untouchable = {
  idFromName: () => {
    touches += 1;
    throw new Error("an object was touched");
  },
};
/** An edge none of whose objects may be named. */
const objectless = { ...env, RELAYS: untouchable, CHANNELS: untouchable };

it.each(addresses.map((path, index) => ({ path, address: `203.0.113.${index}` })))(
  "$path answers 429 with Retry-After to an address that storms, and touches no object",
  async ({ path, address }) => {
    const ask = async (): Promise<Response> =>
      app.request(`https://edge.test${path}`, { headers: { upgrade: "websocket", "cf-connecting-ip": address } }, objectless);
    touches = 0;
    for (let count = 0; count < handshakeRate.burst; count++) expect((await ask()).status).not.toBe(429);
    // What is admitted gets as far as an object.
    expect(touches).toBe(handshakeRate.burst);
    touches = 0;
    const shed = await ask();
    expect([shed.status, shed.headers.get("retry-after"), touches]).toEqual([429, "1", 0]);
    expect(await shed.json()).toMatchObject({ success: false, error: { code: "RATE_LIMIT_EXCEEDED" } });
  },
);

it("a client without an address is not limited", async () => {
  const ask = async (): Promise<Response> => app.request("https://edge.test/ws", { headers: { upgrade: "websocket" } }, objectless);
  const statuses: number[] = [];
  for (let count = 0; count < handshakeRate.burst + 20; count++) statuses.push((await ask()).status);
  expect(statuses).not.toContain(429);
});

it("cuts the deployed hook's storm to what an office needs, and goes on as soon as it calms down", () => {
  const gate = new Handshakes();
  const admitted = Array.from({ length: 858 }, (_, index) => gate.take("198.51.100.7", (index * 30_000) / 858)).filter(
    (waitMs) => waitMs === 0,
  );
  expect(admitted.length).toBeLessThanOrEqual(handshakeRate.burst + 30_000 / handshakeRate.everyMs);
  expect(gate.take("198.51.100.7", 30_000 + handshakeRate.everyMs)).toBe(0);
  expect(gate.take("198.51.100.8", 30_000)).toBe(0);
});

it("lets fifty tabs of one address return at once, and once more a minute later", () => {
  const gate = new Handshakes();
  const herd = (nowMs: number): number[] => Array.from({ length: 100 }, () => gate.take("198.51.100.7", nowMs));
  expect([...herd(1_000_000), ...herd(1_060_000)].every((waitMs) => waitMs === 0)).toBe(true);
});

it("a refusal says when the next one is taken, and does not move that time", () => {
  let dueMs = 0;
  for (let count = 0; count < rate.burst; count++) {
    const taken = admit(dueMs, 10_000, rate);
    if ("dueMs" in taken) dueMs = taken.dueMs;
  }
  expect(admit(dueMs, 10_000, rate)).toEqual({ waitMs: 1_000 });
  expect(admit(dueMs, 10_900, rate)).toEqual({ waitMs: 100 });
  expect(admit(dueMs, 11_000, rate)).toEqual({ dueMs: 14_000 });
});

it("forgets the address longest unseen when it remembers too many", () => {
  const gate = new Handshakes({ burst: 1, everyMs: 1_000 }, { addresses: 2 });
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"]) gate.take(address, 0);
  expect(["10.0.0.1", "10.0.0.3"].map((address) => gate.take(address, 1))).toEqual([999, 999]);
  expect(gate.take("10.0.0.2", 1)).toBe(0);
});

it.each([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:2::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
])("%s counts as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
