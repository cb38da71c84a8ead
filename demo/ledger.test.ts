import { describe, expect, it } from "vitest";
import type { EdgeEvent } from "../schemas/event.ts";
import { versionOf } from "../schemas/version.ts";
import { auditRun, livePatience, noPatience, quantile } from "./audit.ts";
import { readEventSet } from "./event-set.ts";
import { Ledger } from "./ledger.ts";
import { faultsOf, liveLine, lostOf, type State } from "./report.ts";
import { ChannelWatch } from "./watch.ts";

const life = readEventSet("arbitrum").filter(({ subject }, _, all) => subject === all[0]?.subject) as [EdgeEvent, EdgeEvent];
const market = readEventSet("arbitrum").find(({ type }) => type === "market.updated") as EdgeEvent;

function posted(events: readonly EdgeEvent[], rejected: readonly number[] = []): Ledger {
  const ledger = new Ledger();
  ledger.posting(events, 1_000);
  const rejections = rejected.map((index) => ({ index, code: "INVALID_PARAMETERS", message: "no" }));
  ledger.answered(events, { accepted: events.length - rejected.length, duplicates: 0, rejected: rejections, attempts: 1 });
  return ledger;
}

function stateOf(ledger: Ledger, watches: readonly ChannelWatch[] = []): State {
  return { totals: ledger.totals, audit: auditRun(ledger.accepted(), noPatience, 1_000), latenciesMs: ledger.latenciesMs(), watches };
}

describe("the ledger", () => {
  it("misses an accepted event in each place it has not reached", () => {
    const state = stateOf(posted([life[0], market]));
    expect(state.audit.missing).toEqual([
      `${life[0].id} (opportunities): not on the socket, not in D1, not in R2`,
      `${market.id} (market): not on the socket, not in R2`,
    ]);
    expect(lostOf(state)).toBe(2);
  });

  it("does not call an event lost before its time is up", () => {
    const ledger = posted([life[0]]);
    expect(auditRun(ledger.accepted(), livePatience, 1_000 + livePatience.socketMs - 1).missing).toEqual([]);
    expect(auditRun(ledger.accepted(), livePatience, 1_000 + livePatience.socketMs).missing).toHaveLength(1);
  });

  it("does not wait for what was refused, but tells it", () => {
    const ledger = posted(life, [0]);
    expect(ledger.accepted().map(({ id }) => id)).toEqual([life[1].id]);
    expect(ledger.rejections).toEqual([expect.stringContaining(life[0].id)]);
  });

  it("finds the older state in D1 insufficient and the newest one sufficient for both", () => {
    const ledger = posted(life);
    const row = { stream: "opportunities", row: life[0].subject };
    ledger.sawInCache({ ...row, version: versionOf(life[0]) });
    expect(ledger.accepted().map(({ inCache }) => inCache)).toEqual([true, false]);
    ledger.sawInCache({ ...row, version: versionOf(life[1]) });
    expect(ledger.uncoveredRows("opportunities")).toEqual([]);
  });

  it("counts what the log's reader gave twice", () => {
    const ledger = posted([market]);
    ledger.countLog([market.id, "of-another-run", market.id]);
    expect(stateOf(ledger).audit.repeatedInLog).toEqual([market.id]);
    ledger.countLog([market.id]);
    ledger.sawInLog([market.id]);
    expect(stateOf(ledger).audit.repeatedInLog).toEqual([]);
  });

  it("prints one line", () => {
    const ledger = posted(life);
    ledger.sawOnSocket(life[0].id, 1_003);
    expect(liveLine(stateOf(ledger))).toBe("posted 2  accepted 2  dup 0  D1 0  R2 0  sockets 1  p50 3 ms p99 3 ms  lost 2");
  });

  it("knows quantiles of few values and of none", () => {
    expect([quantile([], 0.5), quantile([1, 2], 0.5), quantile([1, 2, 3], 0.99)]).toEqual([undefined, 2, 3]);
  });
});

describe("watching a channel", () => {
  function watching(): ChannelWatch {
    const watch = new ChannelWatch("opportunities");
    watch.subscribed({ epoch: "e", offset: 5, recovered: false, was_recovering: false });
    return watch;
  }

  it("sees a hole when prev is beyond what it has, and none when a filter left offsets out", () => {
    const watch = watching();
    watch.event({ epoch: "e", offset: 9, prev: 5, id: "a" });
    expect(watch.holes).toBe(0);
    watch.event({ epoch: "e", offset: 12, prev: 11, id: "b" });
    expect(watch.holes).toBe(1);
  });

  it("sees a repeat by offset and by id", () => {
    const watch = watching();
    watch.event({ epoch: "e", offset: 6, prev: 5, id: "a" });
    watch.event({ epoch: "e", offset: 6, prev: 5, id: "b" });
    watch.event({ epoch: "e", offset: 7, prev: 6, id: "a" });
    expect(watch.repeats).toBe(2);
  });

  it("continues from its own position after a recovery and notes an announced loss", () => {
    const watch = watching();
    watch.event({ epoch: "e", offset: 6, prev: 5, id: "a" });
    watch.subscribed({ epoch: "e", offset: 9, recovered: true, was_recovering: true });
    watch.event({ epoch: "e", offset: 7, prev: 6, id: "b" });
    expect([watch.holes, watch.repeats, watch.resets]).toEqual([0, 0, 0]);
    watch.subscribed({ epoch: "f", offset: 3, recovered: false, was_recovering: true });
    expect(watch.resets).toBe(1);
    const ledger = posted([market]);
    expect(faultsOf(stateOf(ledger, [watch]), { rejections: [], logRanges: [] })).toContain("opportunities: 1 times recovered:false");
  });
});
