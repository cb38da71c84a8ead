/** Chains by slug, number and the other names senders use, brought to the slug and number of canonical events. */
import { Slug } from "../../schemas/data.ts";

/** Numbers as chains are registered (EIP-155). */
export const chainIds: Readonly<Record<string, number>> = {
  ethereum: 1,
  arbitrum: 42_161,
  polygon: 137,
  optimism: 10,
  base: 8_453,
  bsc: 56,
  avalanche: 43_114,
  fantom: 250,
  gnosis: 100,
  celo: 42_220,
  moonbeam: 1_284,
  cronos: 25,
  aurora: 1_313_161_554,
  harmony: 1_666_600_000,
  kava: 2_222,
  metis: 1_088,
  evmos: 9_001,
  oasis: 42_262,
  milkomeda: 2_001,
  telos: 40,
};

/** Full names of the same chains. */
const otherNames: Readonly<Record<string, string>> = {
  "ethereum mainnet": "ethereum",
  "arbitrum one": "arbitrum",
  "op mainnet": "optimism",
  "polygon pos": "polygon",
  "bnb chain": "bsc",
  "bnb smart chain": "bsc",
  "binance smart chain": "bsc",
  "avalanche c-chain": "avalanche",
};

const byNumber = new Map(Object.entries(chainIds).map(([slug, id]) => [id, slug]));

/** A slug, a number (also as text) or a name in any case. Undefined for a number or a name of several words that is not known. */
export function toChain(value: unknown): string | undefined {
  if (typeof value === "number") return byNumber.get(value);
  if (typeof value !== "string") return undefined;
  const name = value.trim().toLowerCase();
  if (/^\d+$/.test(name)) return byNumber.get(Number(name));
  const spaced = name.replaceAll(/[\s_]+/g, " ");
  if (Object.hasOwn(otherNames, spaced)) return otherNames[spaced];
  return Slug.safeParse(name).data;
}

export function chainIdOf(slug: string): number | undefined {
  return Object.hasOwn(chainIds, slug) ? chainIds[slug] : undefined;
}

/** The one chain that a source such as "contabo/searcher/arbitrum" names as a word of its own; undefined when it names none or two. */
export function chainInSource(source: string): string | undefined {
  const named = new Set(
    source
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter((word) => Object.hasOwn(chainIds, word)),
  );
  return named.size === 1 ? [...named][0] : undefined;
}
