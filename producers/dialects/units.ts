/** How one foreign value becomes a canonical one. A unit names what it takes, for docs/dialects.md, and either reads a value or says why not. */
import { z } from "zod";
import { Time } from "../../schemas/data.ts";
import { toChain } from "./chains.ts";
import { inWholeUnits, shifted, toDecimalText, toIntegerText } from "./decimal-text.ts";

export type Converted<T> = { readonly value: T } | { readonly fault: string };

export interface Unit<T = unknown> {
  /** What it takes and gives, as the table of mappings prints it. */
  readonly says: string;
  read(value: unknown): Converted<T>;
}

/** A unit by a conversion that answers undefined for what it can't take. */
function unit<T>(says: string, expected: string, convert: (value: unknown) => T | undefined): Unit<T> {
  return {
    says,
    read(value) {
      const converted = convert(value);
      return converted === undefined ? { fault: `must be ${expected}` } : { value: converted };
    },
  };
}

/** Left to the canonical schema, which knows what it must be. */
export const asSent: Unit = { says: "as sent", read: (value) => ({ value }) };

export const text = unit("text", "text that is not empty", (value) => (typeof value === "string" && value !== "" ? value : undefined));

/** Services number their entities or name them. */
export const identity = unit("text, or an integer as text", "text or an integer", (value) =>
  typeof value === "number" && Number.isSafeInteger(value) ? String(value) : filled(value),
);

export const chain = unit("slug, chain number or Title Case → slug", "a chain's slug, number or name", toChain);

export const venue = unit(
  "name → slug",
  'the name of a venue, such as "Uniswap V3"',
  (value) => filled(value) && nonEmpty(slugOf(String(value))),
);

export const decimal = unit("number or text → decimal string", "a number, as JSON number or text", toDecimalText);

export const integer = unit("integer as number, text or 0x-hex (U256) → integer string", "a non-negative integer", toIntegerText);

/** Of JSON: canonical `confidence`, `progress` and durations are numbers. */
export const number = unit("number or numeric text → number", "a number", (value) => {
  const digits = toDecimalText(value);
  return digits === undefined ? undefined : Number(digits);
});

export const blockNumber = unit("integer as number, text or 0x-hex → number", "a non-negative integer", (value) => {
  const digits = toIntegerText(value);
  return digits === undefined ? undefined : Number(digits);
});

/** A risk on a scale of 0 to `top`; canonical risk goes to 10. */
export function risk(top: 1 | 10 | 100): Unit<number> {
  const places = { 1: 1, 10: 0, 100: -1 }[top];
  return unit(`0–${top} → 0–10`, `a risk from 0 to ${top}`, (value) => {
    const digits = toDecimalText(value);
    if (digits === undefined) return undefined;
    const score = Number(shifted(digits, places));
    return score >= 0 && score <= 10 ? score : undefined;
  });
}

/** Smallest units (wei) as whole tokens, where the number of decimals is known. */
export function wholeTokens(units: string, decimals: number): string {
  return inWholeUnits(units, decimals);
}

/** 18 for WETH: no token has more than 36, the canonical bound of a fraction. */
export const tokenDecimals = unit("number of decimals", "an integer from 0 to 36", (value) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 36 ? value : undefined,
);

export const strategyType = unit("PascalCase → snake_case", "text that is not empty", (value) => {
  const name = filled(value);
  return name?.replaceAll(/(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])/g, "_").toLowerCase();
});

export const time = unit(
  "RFC 3339 (also with nanoseconds), epoch s or ms, SQLite text (UTC) → RFC 3339 with ms",
  'a time: RFC 3339 with its offset, epoch seconds or milliseconds, or SQLite text such as "2026-11-24 02:00:00"',
  toTime,
);

/** One of the known words, in any case. */
export function words<T extends string>(table: Readonly<Record<string, T>>): Unit<T> {
  const says = Object.entries(table)
    .map(([from, to]) => (from === to ? from : `${from} → ${to}`))
    .join(", ");
  return unit(says, `one of ${Object.keys(table).join(", ")}`, (value) => {
    const word = typeof value === "string" ? value.trim().toLowerCase() : "";
    return Object.hasOwn(table, word) ? table[word] : undefined;
  });
}

/** "Uniswap V3" and "UniswapV3" are uniswap_v3. */
function slugOf(name: string): string {
  return name
    .trim()
    .replace(/([a-z])(V\d+)$/, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "")
    .slice(0, 64);
}

/** Epoch seconds reach this number in the year 5138, milliseconds passed it in 1973. */
const secondsEnd = 100_000_000_000;
const millisecondsEnd = 100_000_000_000_000;
const Digits = z.string().regex(/^\d{1,15}(?:\.\d+)?$/);

function toTime(value: unknown): string | undefined {
  if (typeof value === "number" || Digits.safeParse(value).success) return ofEpoch(toDecimalText(value) ?? "");
  if (typeof value !== "string") return undefined;
  // SQLite's own text has a space and is UTC; nanoseconds are cut, as a clock that shows milliseconds would.
  const sqlite = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)?$/.test(value);
  const rfc = (sqlite ? `${value.replace(" ", "T")}Z` : value).replace(/(\.\d{3})\d+/, "$1");
  return Time.safeParse(rfc).data;
}

function ofEpoch(digits: string): string | undefined {
  const epoch = Number(digits);
  if (!(epoch > 0) || epoch >= millisecondsEnd) return undefined;
  const [ms = ""] = (epoch < secondsEnd ? shifted(digits, 3) : digits).split(".");
  return new Date(Number(ms)).toISOString();
}

function filled(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function nonEmpty(slug: string): string | undefined {
  return slug === "" ? undefined : slug;
}
