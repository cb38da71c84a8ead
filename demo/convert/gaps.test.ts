import { describe, expect, it } from "vitest";
import { gapEvents, gapMetrics, riskScore } from "./btc.ts";
import { renderDraft } from "./draft.ts";
import { findGaps, gapOf, gapRule } from "./gaps.ts";
import { joinBooks, parseQuotes, type BookState, type Quote } from "./quotes.ts";

const askCents = 6_000_000;

/** A state in which the gap is this many hundredths of a basis point. */
function state(atMs: number, size: number, units = 100_000_000): BookState {
  const quote = { atMs, bidUnits: units, askUnits: units };
  const bidCents = askCents + Math.ceil((size * askCents) / 1_000_000);
  const usdm: Quote = { ...quote, venue: "binance_usdm", bidCents: askCents - 10, askCents };
  const spot: Quote = { ...quote, venue: "binance_spot", bidCents, askCents: bidCents + 1 };
  return { atMs, spot, usdm };
}

const kinds = (states: readonly BookState[]): string[] => findGaps(states).map(({ kind, number }) => `${kind} ${number}`);

describe("the gap rule", () => {
  it("does not open below the threshold", () => {
    expect(kinds([state(1, gapRule.openAt - 1), state(2, 0)])).toEqual([]);
  });

  it("does not close between the two thresholds: the gap may flicker there", () => {
    const flicker = [state(1, gapRule.openAt), state(2, gapRule.openAt - 2), state(3, gapRule.openAt), state(4, gapRule.closeBelow)];

    expect(kinds(flicker).filter((kind) => kind.startsWith("detected"))).toHaveLength(1);
    expect(kinds([...flicker, state(5, gapRule.closeBelow - 1)]).at(-1)).toBe("expired 1");
  });

  it("updates on a step of the gap or of the quantity, and on nothing smaller", () => {
    const open = state(1, gapRule.openAt);
    const updates = (next: BookState): number => findGaps([open, next]).filter(({ kind }) => kind === "updated").length;
    expect(updates(state(2, gapRule.openAt + gapRule.step - 1))).toBe(0);
    expect(updates(state(2, gapRule.openAt + gapRule.step))).toBe(1);
    expect(updates(state(2, gapRule.openAt, 149_000_000))).toBe(0);
    expect(updates(state(2, gapRule.openAt, 150_000_000))).toBe(1);
    expect(updates(state(2, gapRule.openAt, 66_000_000))).toBe(1);
  });

  it("expires what is still open when the recording ends", () => {
    const moments = findGaps([state(1, gapRule.openAt), state(2, gapRule.openAt)]);
    expect(moments.at(-1)).toMatchObject({ kind: "expired", atMs: 3, reason: "recording ends" });
  });

  it("numbers gaps and their updates so that every event id is its own", () => {
    const states = [state(1, 400), state(2, 410), state(3, 300), state(4, 900), state(5, 300)];
    expect(gapEvents(findGaps(states)).map(({ id }) => id)).toEqual([
      "btc-gap-0001-0",
      "btc-gap-0001-1",
      "btc-gap-0001-2",
      "btc-gap-0002-0",
      "alert-btc-gap-0002",
      "btc-gap-0002-1",
    ]);
  });

  it("computes volume and profit exactly from cents and 10^-8 BTC", () => {
    const [detected] = gapEvents(findGaps([state(1, 350, 13_520_000)]));
    expect(detected?.data).toMatchObject({ price_difference: "0.035", volume: "8112", estimated_profit: "2.8392", quantity: "0.1352" });
    expect(() => detected && renderDraft(detected)).not.toThrow();
  });

  it("buys where the ask is lower", () => {
    expect(gapOf(state(1, 400)).buy.venue).toBe("binance_usdm");
  });

  it("calls a gap riskier the older its older quote is", () => {
    const gap = gapOf(state(1_000, 400));
    expect([riskScore(gap, 1_000), riskScore(gap, 1_500), riskScore(gap, 9_000)]).toEqual([0, 5, 10]);
  });

  it("reports ten full seconds once the next state shows that they are over", () => {
    const metrics = gapMetrics([state(10_000, 300), state(19_999, 500), state(20_000, 100)]);
    expect(metrics.map(({ atMs, data }) => [atMs, data["metric_type"], data["value"]])).toEqual([
      [20_000, "gap_bps_max", "5"],
      [20_000, "book_states", "2"],
    ]);
  });
});

describe("quotes", () => {
  const line = (ns: string, bid: string): string =>
    `${ns} {"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"${bid}","B":"3.78826000","a":"61837.64000000","A":"1.5"}}`;

  it("throws on a price finer than a cent rather than round it", () => {
    expect(() => parseQuotes(line("1723161254087891268", "61837.63100000"), "binance_spot")).toThrow("more than 2 decimals");
  });

  it("reads best bid and ask as integers and skips other messages", () => {
    const quotes = parseQuotes(
      `${line("1723161254087891268", "61837.63000000")}\n1 {"stream":"btcusdt@trade","data":{}}\n`,
      "binance_spot",
    );
    expect(quotes).toEqual([
      {
        atMs: 1_723_161_254_087,
        venue: "binance_spot",
        bidCents: 6_183_763,
        bidUnits: 378_826_000,
        askCents: 6_183_764,
        askUnits: 150_000_000,
      },
    ]);
  });

  it("counts the quotes of one millisecond as one state, once both books are known", () => {
    const quote = (atMs: number, venue: Quote["venue"], bidCents: number): Quote => ({
      atMs,
      venue,
      bidCents,
      bidUnits: 1,
      askCents,
      askUnits: 1,
    });
    const states = joinBooks(
      [quote(1, "binance_spot", 5), quote(2, "binance_spot", 6), quote(2, "binance_spot", 7)],
      [quote(2, "binance_usdm", 8)],
    );
    expect(states.map(({ atMs, spot, usdm }) => [atMs, spot.bidCents, usdm.bidCents])).toEqual([[2, 7, 8]]);
  });
});
