/** Names of tokens and venues as the canonical events spell them. */
import type { Swap } from "./rolling.ts";

/** Public ticker symbols of the commonest tokens of Arbitrum One, by contract; any other token keeps the name the recording gives it. */
const symbols: Readonly<Record<string, string>> = {
  "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1": "WETH",
  "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8": "USDC.e",
  "0xaf88d065e77c8cC2239327C5EDb3A432268e5831": "USDC",
  "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9": "USDT",
  "0x912CE59144191C1204E64559FE8253a0e49E6548": "ARB",
  "0x2f2a2543B76A4166549F7aaB2e75Bef0aefC5B0f": "WBTC",
  "0x5979D7b546E38E414F7E9822514be443A4800529": "wstETH",
  "0x17FC002b466eEc40DaE837Fc4bE5c67993ddBd6F": "FRAX",
  "0xDA10009cBd5D07dd0CeCc66161FC93D7c9000da1": "DAI",
  "0xfc5A1A6EB076a2C7aD06eD22C90d7E710E35ad0a": "GMX",
};

export function tokenName(address: string, recordedName: string): string {
  // A slash would read as the pair's own separator.
  return symbols[address] ?? recordedName.replaceAll("/", " ").slice(0, 60);
}

/** "in/out" of the first leg. */
export function pairOf(first: Swap): string {
  return `${tokenName(first.in_token, first.in_token_name)}/${tokenName(first.out_token, first.out_token_name)}`;
}

/** "Uniswap V3" is uniswap_v3. */
export function venueSlug(protocolName: string): string {
  return protocolName.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
}
