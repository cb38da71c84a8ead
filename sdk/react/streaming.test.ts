/** The drop-in's connection and store, without React: hooks run in tests/browser/. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { opportunityJson, type OpportunityOptions } from "../../tests/support/publications.ts";
import { event, FakeSocket, lastSocket, nextSocket } from "../testing/fake-edge.ts";
import type { FrontendOpportunity } from "./frontend-shape.ts";
import { Streaming } from "./streaming.ts";

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
});
afterEach(() => {
  vi.useRealTimers();
});

function streaming() {
  const calls: [what: "add" | "update", FrontendOpportunity][] = [];
  const store = {
    addOpportunity: (opportunity: FrontendOpportunity) => void calls.push(["add", opportunity]),
    updateOpportunity: (_id: string, opportunity: FrontendOpportunity) => void calls.push(["update", opportunity]),
  };
  const own = new Streaming({ url: "https://edge.test", WebSocket: FakeSocket, random: () => 0.5, store: () => store });
  return { own, calls };
}

const opportunityEvent = (offset: number, options: Partial<OpportunityOptions> = {}, over: object = {}): object =>
  event(offset, { data: opportunityJson({ id: `o-${offset}`, timeMs: Date.parse("2026-11-24T02:00:00Z"), ...options })["data"], ...over });

async function live(): Promise<FakeSocket> {
  const socket = await nextSocket();
  for (const { channel, id } of socket.sentOf("subscribe")) {
    socket.says({ type: "subscribed", channel, id, epoch: "e1", offset: 0, recovered: false, was_recovering: false });
  }
  return socket;
}

it("opens one socket for two mounts and any number of renders, and none for a mount repeated at once", async () => {
  const { own } = streaming();
  const end = own.use();
  own.use();
  end();
  own.use();
  await live();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(FakeSocket.made).toHaveLength(1);
});

it("after a drop does not storm, however often the page asks to reconnect: 858 sockets in 30 s is the old hook's figure", async () => {
  const { own } = streaming();
  own.use();
  for (let ms = 0; ms < 30_000; ms += 30) {
    await vi.advanceTimersByTimeAsync(30);
    own.reconnect();
    if (FakeSocket.made.length > 0 && lastSocket().readyState === 0) lastSocket().open().closes(1006);
  }
  expect(FakeSocket.made.length).toBeLessThanOrEqual(31);
});

it("adds an opportunity once and updates it afterwards, with numbers, and leaves out what is stale or repeated", async () => {
  const { own, calls } = streaming();
  own.use();
  const socket = await live();
  socket.says(
    opportunityEvent(1, { entity: "a", profit: "24.50" }),
    opportunityEvent(2, { entity: "a", profit: "1" }, { stale: true }),
    opportunityEvent(3, { entity: "a", profit: "30", status: "executed", type: "opportunity.updated" }),
    opportunityEvent(3, { entity: "a", profit: "31" }),
    opportunityEvent(4, { entity: "b", status: "expired" }),
  );
  expect(calls).toEqual([
    [
      "add",
      expect.objectContaining({
        id: "a",
        chain: "arbitrum",
        tokenA: "WETH",
        tokenB: "USDC",
        profit: 24.5,
        gasEstimate: 0,
        status: "pending",
      }),
    ],
    ["update", expect.objectContaining({ id: "a", profit: 30, status: "completed", timestamp: Date.parse("2026-11-24T02:00:00Z") })],
    ["add", expect.objectContaining({ id: "b", status: "failed" })],
  ]);
});

it("shows market data, the rate and the state of the connection as the old hook did", async () => {
  const { own } = streaming();
  const end = own.use();
  const socket = await live();
  const market = {
    profit: "12.5",
    success_rate: "0.97",
    latency_ms: 12,
    total_opportunities: 4,
    total_executions: 2,
    last_update: "2026-11-24T02:00:00.000Z",
  };
  socket.says(event(1, { type: "market_updated", channel: "market", data: market }), opportunityEvent(1));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(own.view.shown()).toMatchObject({
    isConnected: true,
    connectionAttempts: 0,
    messagesPerSecond: 2,
    marketData: {
      profit: 12.5,
      successRate: 0.97,
      latency: 12,
      totalOpportunities: 4,
      totalExecutions: 2,
      lastUpdate: Date.parse(market.last_update),
    },
  });
  expect(own.view.shown().lastUpdate).toBeGreaterThan(0);
  socket.closes(1006);
  await vi.advanceTimersByTimeAsync(60);
  expect(own.view.shown().isConnected).toBe(false);
  end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(vi.getTimerCount()).toBe(0);
});
