/** The commonest tokens by chain and contract: dialects that name tokens by address alone get symbol and decimals from here.
 *  A token that is not listed keeps its address as its name. */

export interface Token {
  readonly symbol: string;
  readonly decimals: number;
}

type Listed = readonly [address: string, symbol: string, decimals: number];

/** Contracts as each chain's explorer shows them, in lower case. */
const listed: Readonly<Record<string, readonly Listed[]>> = {
  ethereum: [
    ["0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "WETH", 18],
    ["0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6],
    ["0xdac17f958d2ee523a2206206994597c13d831ec7", "USDT", 6],
    ["0x6b175474e89094c44da98b954eedeac495271d0f", "DAI", 18],
    ["0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "WBTC", 8],
  ],
  arbitrum: [
    ["0x82af49447d8a07e3bd95bd0d56f35241523fbab1", "WETH", 18],
    ["0xff970a61a04b1ca14834a43f5de4533ebddb5cc8", "USDC.e", 6],
    ["0xaf88d065e77c8cc2239327c5edb3a432268e5831", "USDC", 6],
    ["0xfd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9", "USDT", 6],
    ["0x912ce59144191c1204e64559fe8253a0e49e6548", "ARB", 18],
    ["0x2f2a2543b76a4166549f7aab2e75bef0aefc5b0f", "WBTC", 8],
    ["0xda10009cbd5d07dd0cecc66161fc93d7c9000da1", "DAI", 18],
  ],
  optimism: [["0x4200000000000000000000000000000000000006", "WETH", 18]],
  base: [
    ["0x4200000000000000000000000000000000000006", "WETH", 18],
    ["0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "USDC", 6],
  ],
  polygon: [
    ["0x7ceb23fd6bc0add59e62ac25578270cff1b9f619", "WETH", 18],
    ["0x2791bca1f2de4661ed88a30c99a7a9449aa84174", "USDC.e", 6],
  ],
};

const byContract = new Map(
  Object.entries(listed).flatMap(([chain, tokens]) =>
    tokens.map(([address, symbol, decimals]): [string, Token] => [`${chain} ${address}`, { symbol, decimals }]),
  ),
);

export function findToken(chain: string, address: string): Token | undefined {
  return byContract.get(`${chain} ${address.toLowerCase()}`);
}
