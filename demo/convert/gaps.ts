/** The spot/futures gap as opportunities (rule: demo/README.md): opens at one threshold, closes at a lower one, and is updated
 *  whenever it or the quantity at its prices has moved by a step. Pure: book states in, gap moments out. */
import type { BookState, Quote } from "./quotes.ts";

/** Hundredths of a basis point, so that every comparison is between integers. */
export const gapRule = {
  openAt: 350,
  /** Below the opening threshold: a gap that flickers around one value would open and close with every quote. */
  closeBelow: 340,
  step: 5,
  /** The executable quantity has to grow or shrink by this factor to be worth an update. */
  quantityFactor: 1.5,
  alertAt: 800,
} as const;

/** Buy at `buy`'s ask, sell at `sell`'s bid. */
export interface Gap {
  readonly buy: Quote;
  readonly sell: Quote;
  /** Hundredths of a basis point of the buying price, rounded down. */
  readonly size: number;
  /** What both sides hold at these prices, 10^-8 BTC. */
  readonly quantityUnits: number;
}

export type Moment =
  | { readonly kind: "detected"; readonly number: number; readonly update: 0; readonly atMs: number; readonly gap: Gap }
  | { readonly kind: "updated"; readonly number: number; readonly update: number; readonly atMs: number; readonly gap: Gap }
  | {
      readonly kind: "expired";
      readonly number: number;
      readonly update: number;
      readonly atMs: number;
      readonly gap: Gap;
      readonly reason: "closed" | "recording ends";
    };

export function gapOf({ spot, usdm }: BookState): Gap {
  const buyUsdm = gapBetween(usdm, spot);
  const buySpot = gapBetween(spot, usdm);
  return buyUsdm.size >= buySpot.size ? buyUsdm : buySpot;
}

function gapBetween(buy: Quote, sell: Quote): Gap {
  return {
    buy,
    sell,
    size: Math.floor(((sell.bidCents - buy.askCents) * 1_000_000) / buy.askCents),
    quantityUnits: Math.min(buy.askUnits, sell.bidUnits),
  };
}

interface OpenGap {
  readonly number: number;
  readonly update: number;
  readonly shown: Gap;
}

/** Each gap from its opening to its close; one still open when the recording ends expires there. */
export function findGaps(states: readonly BookState[]): Moment[] {
  const moments: Moment[] = [];
  let open: OpenGap | undefined;
  let opened = 0;
  for (const state of states) {
    const gap = gapOf(state);
    const { atMs } = state;
    if (open === undefined) {
      if (gap.size < gapRule.openAt) continue;
      opened += 1;
      moments.push({ kind: "detected", number: opened, update: 0, atMs, gap });
      open = { number: opened, update: 0, shown: gap };
    } else if (gap.size < gapRule.closeBelow || gap.buy.venue !== open.shown.buy.venue) {
      moments.push({ kind: "expired", number: open.number, update: open.update + 1, atMs, gap, reason: "closed" });
      open = undefined;
    } else if (hasMoved(open.shown, gap)) {
      const update: number = open.update + 1;
      moments.push({ kind: "updated", number: open.number, update, atMs, gap });
      open = { number: open.number, update, shown: gap };
    }
  }
  const end = states.at(-1);
  if (open !== undefined && end !== undefined) {
    const { number, update, shown } = open;
    // One millisecond after the last quote: an entity has one version a millisecond.
    moments.push({ kind: "expired", number, update: update + 1, atMs: end.atMs + 1, gap: shown, reason: "recording ends" });
  }
  return moments;
}

export function hasMoved(shown: Gap, now: Gap): boolean {
  if (Math.abs(now.size - shown.size) >= gapRule.step) return true;
  const [less, more] = [shown.quantityUnits, now.quantityUnits].toSorted((a, b) => a - b) as [number, number];
  return more >= less * gapRule.quantityFactor;
}
