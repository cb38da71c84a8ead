/** Reads Binance `bookTicker` quotes as hftbacktest recorded them and merges two venues into one sequence of joint states. */

export type Venue = "binance_spot" | "binance_usdm";

/** Best bid and ask in integers: prices in cents, quantities in 10^-8 BTC, so that gaps are exact. */
export interface Quote {
  readonly atMs: number;
  readonly venue: Venue;
  readonly bidCents: number;
  readonly bidUnits: number;
  readonly askCents: number;
  readonly askUnits: number;
}

export interface BookState {
  readonly atMs: number;
  readonly spot: Quote;
  readonly usdm: Quote;
}

interface BookTicker {
  readonly b: string;
  readonly B: string;
  readonly a: string;
  readonly A: string;
}

export function parseQuotes(recording: string, venue: Venue): Quote[] {
  const quotes: Quote[] = [];
  for (const line of recording.split("\n")) {
    if (!line.includes("@bookTicker")) continue;
    const trimmed = line.trim();
    const space = trimmed.indexOf(" ");
    const { b, B, a, A } = (JSON.parse(trimmed.slice(space + 1)) as { data: BookTicker }).data;
    quotes.push({
      // The local receive time, nanoseconds in the recording.
      atMs: Number(trimmed.slice(0, space - 6)),
      venue,
      bidCents: scaled(b, 2),
      bidUnits: scaled(B, 8),
      askCents: scaled(a, 2),
      askUnits: scaled(A, 8),
    });
  }
  return quotes;
}

/** "61837.63000000" at 2 places is 6183763. Throws rather than round. */
function scaled(decimal: string, places: number): number {
  const [whole = "", fraction = ""] = decimal.split(".");
  if (/[1-9]/.test(fraction.slice(places))) throw new Error(`${decimal} has more than ${places} decimals`);
  const value = Number(whole + fraction.slice(0, places).padEnd(places, "0"));
  if (!Number.isSafeInteger(value)) throw new Error(`${decimal} does not fit`);
  return value;
}

/** The state of both books after each millisecond in which either changed, from the first moment both are known. */
export function joinBooks(spotQuotes: readonly Quote[], usdmQuotes: readonly Quote[]): BookState[] {
  const quotes = [...spotQuotes, ...usdmQuotes].toSorted((a, b) => a.atMs - b.atMs);
  const states: BookState[] = [];
  let spot: Quote | undefined;
  let usdm: Quote | undefined;
  for (const [index, quote] of quotes.entries()) {
    if (quote.venue === "binance_spot") spot = quote;
    else usdm = quote;
    // Quotes of one millisecond count as one state: an entity has one version a millisecond.
    if (quotes[index + 1]?.atMs === quote.atMs) continue;
    if (spot !== undefined && usdm !== undefined) states.push({ atMs: quote.atMs, spot, usdm });
  }
  return states;
}
