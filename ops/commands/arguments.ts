/** Arguments that several commands take. */
import { InvalidArgumentError } from "commander";
import type { Client } from "../client.ts";

/** `a,b` and the option given again: one list. */
export function collectList(text: string, before: readonly string[] = []): readonly string[] {
  const items = text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  if (items.length === 0) throw new InvalidArgumentError("must not be empty.");
  return [...before, ...items];
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}.`);
  };
}

/** A page holds no more than the edge allows; more of them are asked for until there are so many. */
const pageMax = 100;

export async function firstOf<T>(
  edge: Client,
  path: string,
  { limit, query }: { readonly limit: number; readonly query?: Readonly<Record<string, string | undefined>> },
): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of edge.pages<T>(path, { query: { ...query, limit: Math.min(limit, pageMax) } })) {
    items.push(item);
    if (items.length >= limit) break;
  }
  return items;
}
