import { describe, expect, it } from "vitest";
import { ackEveryMs } from "../../schemas/limits.ts";
import { bufferedBytesMax, conflateBytesMax, socketBytesPerSecond } from "./bounds.ts";
import { ackGraceMs, judge, mayConflate, Rate, Receipts } from "./flow.ts";

describe("a socket's verdict", () => {
  const load = (over: object): Parameters<typeof judge>[0] => ({ unreadBytes: 0, allowedBytes: 0, secondBytes: 0, ...over });

  it.each([
    ["close", load({ unreadBytes: bufferedBytesMax + 1 })],
    ["conflate", load({ unreadBytes: bufferedBytesMax })],
    ["conflate", load({ unreadBytes: conflateBytesMax + 1 })],
    ["ok", load({ unreadBytes: conflateBytesMax })],
    ["conflate", load({ secondBytes: socketBytesPerSecond + 1 })],
    ["ok", load({ secondBytes: socketBytesPerSecond })],
    ["ok", load({ unreadBytes: bufferedBytesMax, allowedBytes: bufferedBytesMax, secondBytes: socketBytesPerSecond })],
    ["close", load({ unreadBytes: 2 * bufferedBytesMax + 1, allowedBytes: bufferedBytesMax })],
  ])("is %s for %j", (verdict, what) => {
    expect(judge(what)).toBe(verdict);
  });

  it("never lets an alert or a workflow be left out", () => {
    expect(["alerts", "integration", "replay:x"].some(mayConflate)).toBe(false);
    expect(["opportunities", "executions", "strategies", "market", "metrics"].every(mayConflate)).toBe(true);
  });
});

describe("what a client has acknowledged", () => {
  /** A hundred bytes an offset. */
  const send = (receipts: Receipts, offset: number, { atMs = 0, channel = "market" } = {}): void =>
    receipts.sent({ channel, offset, atMs }, offset * 100);

  it("is overdue once something is unacknowledged for longer than two periods", () => {
    const receipts = new Receipts(0);
    expect(receipts.isOverdue(1e12)).toBe(false);
    send(receipts, 1);
    expect(receipts.isOverdue(ackGraceMs)).toBe(false);
    expect(receipts.isOverdue(ackGraceMs + 1)).toBe(true);
    receipts.acked("market", 1);
    expect([receipts.isOverdue(1e12), receipts.unreadBytes(100)]).toEqual([false, 0]);
  });

  it("is not helped by acknowledging what is old: a reader who lags for long is slow, however often it says so", () => {
    const receipts = new Receipts(0);
    for (let second = 1; second <= 60; second++) {
      send(receipts, second, { atMs: second * 1_000 });
      if (second % (ackEveryMs / 1_000) === 0) receipts.acked("market", second - 30);
    }
    expect([receipts.isOverdue(60_000), receipts.unreadBytes(6_000)]).toEqual([true, 3_000]);
  });

  it("holds no matter how fast the stream is, while it is acknowledged in time", () => {
    const receipts = new Receipts(0);
    for (let atMs = 0; atMs < 120_000; atMs += 20) {
      send(receipts, atMs + 1, { atMs });
      if (atMs % ackEveryMs === 0) receipts.acked("market", atMs + 1);
      expect(receipts.isOverdue(atMs)).toBe(false);
    }
  });

  it("covers what was sent before on other channels: a socket keeps its order", () => {
    const receipts = new Receipts(0);
    send(receipts, 5, { channel: "executions" });
    receipts.sent({ channel: "market", offset: 1, atMs: 5_000 }, 600);
    receipts.acked("executions", 4);
    expect(receipts.unreadBytes(600)).toBe(600);
    receipts.acked("market", 1);
    expect([receipts.unreadBytes(600), receipts.isOverdue(1e12)]).toEqual([0, false]);
  });

  it("forgets a subscription that is over, and takes no word about what was not sent", () => {
    const receipts = new Receipts(50);
    receipts.acked("market", 10);
    send(receipts, 1);
    expect(receipts.unreadBytes(100)).toBe(50);
    receipts.forget("market");
    expect(receipts.isOverdue(1e12)).toBe(false);
  });

  it("takes bounded room for a client that never acknowledges", () => {
    const receipts = new Receipts(0);
    for (let second = 1; second <= 10_000; second++) send(receipts, second, { atMs: second * 1_000 });
    receipts.acked("market", 9_999);
    expect(receipts.unreadBytes(1_000_000)).toBeGreaterThan(900_000);
    receipts.acked("market", 10_000);
    expect(receipts.unreadBytes(1_000_000)).toBe(0);
  });
});

it("a rate takes all or nothing, some seconds' worth at once, and no more than its share afterwards", () => {
  const rate = new Rate({ perSecond: 50, burst: 250 });
  expect([rate.take(251, 1_000_000), rate.take(250, 1_000_000), rate.take(1, 1_000_000)]).toEqual([false, true, false]);
  expect([rate.left(1_001_000), rate.take(50, 1_001_000), rate.left(1_001_010)]).toEqual([50, true, 0]);
});
