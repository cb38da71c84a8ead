/** One opportunity as each of the owner's services would write it: the same facts, in each dialect's fields and units. */

type Fields = Record<string, unknown>;

/** What all of them know of it. */
export interface Facts {
  readonly id: string;
  readonly strategy: string;
  readonly dexA: string;
  readonly dexB: string;
  readonly tokenIn: Token;
  readonly tokenOut: Token;
  /** Smallest units. */
  readonly amountIn: string;
  readonly percent: string;
  readonly profit: string;
  /** 0–10, one digit after the point. */
  readonly risk: number;
  readonly confidence: number;
  readonly gas: string;
  /** Whole seconds: the coarsest of the dialects' clocks. */
  readonly detectedMs: number;
  readonly expiresMs: number;
}

export interface Token {
  readonly symbol: string;
  readonly address: string;
  readonly decimals: number;
}

/** "1500000" at 6 decimals is "1.5", by BigInt. */
export function whole(units: string, decimals: number): string {
  const scale = 10n ** BigInt(decimals);
  const fraction = (BigInt(units) % scale).toString().padStart(decimals, "0").replace(/0+$/, "");
  return `${BigInt(units) / scale}${fraction === "" ? "" : `.${fraction}`}`;
}

/** What each of the records below must become, but for the currency of the profit. */
export function canonical(facts: Facts): Fields {
  return {
    opportunity_id: facts.id,
    chain: "arbitrum",
    chain_id: 42_161,
    dex_a: facts.dexA,
    dex_b: facts.dexB,
    token_pair: `${facts.tokenIn.symbol}/${facts.tokenOut.symbol}`,
    price_difference: facts.percent,
    volume: whole(facts.amountIn, facts.tokenIn.decimals),
    estimated_profit: facts.profit,
    risk_score: facts.risk,
    timestamp: new Date(facts.detectedMs).toISOString(),
    expiry_time: new Date(facts.expiresMs).toISOString(),
    execution_status: "pending",
    strategy_type: facts.strategy,
    confidence: facts.confidence,
    gas_estimate: facts.gas,
  };
}

export const writers: Readonly<Record<string, (facts: Facts) => Fields>> = {
  api: (facts) => ({
    ...canonical(facts),
    chain: "Arbitrum",
    dex_a: title(facts.dexA),
    profit_currency: "USD",
    estimated_profit: facts.profit,
    timestamp: nanoseconds(facts.detectedMs),
  }),
  rust: (facts) => ({
    id: facts.id,
    strategy_type: facts.strategy.split("_").map(title).join(""),
    token_in: facts.tokenIn.address,
    token_out: facts.tokenOut.address,
    amount_in: `0x${BigInt(facts.amountIn).toString(16)}`,
    amount_out: "0x1",
    estimated_profit: Number(facts.profit),
    net_profit: 0.001,
    estimated_gas: Number(facts.gas),
    source_dex: title(facts.dexA),
    target_dex: title(facts.dexB),
    price_impact: 0.1,
    slippage_tolerance: 0.5,
    requires_flash_loan: false,
    route: [facts.tokenIn.address, facts.tokenOut.address],
    pools: ["0x01"],
    block_number: 117_000_000,
    detected_at: nanoseconds(facts.detectedMs),
    expires_at: nanoseconds(facts.expiresMs),
    priority_score: 7.5,
    risk_score: Number((facts.risk / 10).toFixed(2)),
    confidence: facts.confidence,
    competition_level: "High",
    metadata: { chain: "Arbitrum One", price_difference: facts.percent },
  }),
  temporal: (facts) => ({
    id: facts.id,
    timestamp: facts.detectedMs,
    tokens: { tokenA: facts.tokenIn, tokenB: facts.tokenOut, baseAmount: facts.amountIn },
    chain: "ARBITRUM",
    dexs: [facts.dexA, facts.dexB].map((name) => ({ name: title(name), address: "0x01", price: "1", liquidity: "2", fee: 0.003 })),
    expectedProfitETH: "0.001",
    expectedProfitUSD: facts.profit,
    profitPercentage: Number(facts.percent),
    estimatedGas: facts.gas,
    gasPrice: "100000000",
    riskFactors: { slippageRisk: Number((facts.risk / 10).toFixed(2)), frontrunRisk: 0, liquidityRisk: 0, priceImpact: 0 },
    detectedAt: facts.detectedMs,
    expiresAt: facts.expiresMs,
    confidence: facts.confidence,
    source: "scanner",
    strategy: facts.strategy,
  }),
  "api-v2": (facts) => ({
    id: facts.id,
    strategy: facts.strategy.toUpperCase(),
    blockchain_from: "42161",
    blockchain_to: "42161",
    token_in: facts.tokenIn.symbol,
    token_out: facts.tokenOut.symbol,
    amount_in: whole(facts.amountIn, facts.tokenIn.decimals),
    expected_amount_out: "1",
    profit_amount: facts.profit,
    profit_percentage: facts.percent,
    confidence_score: String(facts.confidence),
    risk_score: Math.round(facts.risk * 10),
    gas_estimate: facts.gas,
    expires_at: sqlite(facts.expiresMs),
    dex_path: [title(facts.dexA), title(facts.dexB)],
    created_at: sqlite(facts.detectedMs),
  }),
  "edge-56feac5": (facts) => ({
    id: facts.id,
    chain_id: 42_161,
    strategy_type: facts.strategy,
    tokens: [facts.tokenIn.address, facts.tokenOut.address],
    pools: ["0x01", "0x02"],
    expected_profit: facts.profit,
    gas_cost: "12345",
    confidence: facts.confidence,
    deadline: facts.expiresMs / 1_000,
    created_at: facts.detectedMs / 1_000,
    risk_score: facts.risk,
    metadata: {
      dex_a: facts.dexA,
      dex_b: facts.dexB,
      price_difference: facts.percent,
      volume: whole(facts.amountIn, facts.tokenIn.decimals),
      gas_estimate: facts.gas,
    },
  }),
};

/** "uniswap_v3" is Uniswap V3. */
function title(slug: string): string {
  return slug
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join(" ");
}

function nanoseconds(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "987654Z");
}

function sqlite(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ").slice(0, 19);
}

/** A recorded one: Rolling in the Shadows, arb-6e87645a1edf020027a1, its profit and risk as the set of demo/ derives them. */
export const recorded: Facts = {
  id: "arb-6e87645a1edf020027a1",
  strategy: "cyclic_2_leg",
  dexA: "uniswap_v3",
  dexB: "uniswap_v2",
  tokenIn: { symbol: "WETH", address: "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1", decimals: 18 },
  tokenOut: { symbol: "USDC.e", address: "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8", decimals: 6 },
  amountIn: "562038023479745554",
  percent: "0.0016",
  profit: "0.0088855775051457",
  risk: 3.8,
  confidence: 0.9,
  gas: "4000000",
  detectedMs: Date.UTC(2026, 10, 24, 2, 0, 0),
  expiresMs: Date.UTC(2026, 10, 24, 2, 0, 31),
};
