/** Reads the Arbitrum recordings of Rolling in the Shadows and joins each execution with the swap that opened its gap. */

export interface Swap {
  readonly in_token: string;
  readonly in_token_name: string;
  readonly out_token: string;
  readonly out_token_name: string;
  readonly in_amount: string;
  readonly out_amount: string;
  readonly exchange: string;
  readonly protocol_name: string;
}

export interface TokenBalance {
  readonly decimals: number;
  readonly one_token_to_eth_price: number | null;
}

export interface RecordedExecution {
  readonly id: string;
  readonly block_number: number;
  /** Seconds. */
  readonly block_timestamp: number;
  readonly transaction: { readonly hash: string; readonly gas: number; readonly gasPrice: number; readonly transactionIndex: number };
  readonly arbitrages: readonly { readonly swaps: readonly Swap[] }[];
  readonly token_balance: Readonly<Record<string, TokenBalance>>;
  readonly eth_usd_price: number;
  readonly total_cost_usd: number;
  /** Null where the source knows no price for a token left over. */
  readonly total_gain_usd: number | null;
  readonly total_profit_usd: number | null;
  readonly transaction_cost_eth: number;
  readonly flash_loans: readonly unknown[];
}

interface RecordedOpportunity {
  readonly id: string;
  readonly opportunities: readonly { readonly swap: { readonly timestamp: number | null; readonly transaction_hash: string | null } }[];
}

/** The swap that opened the gap; absent fields where the source found none. */
export interface Opening {
  readonly atMs?: number;
  readonly transactionHash?: string;
}

export interface Arbitrage {
  readonly execution: RecordedExecution;
  /** Absent when the opportunities recording does not name this execution. */
  readonly opening?: Opening;
}

function parseLines<T>(ndjson: string): T[] {
  return ndjson
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as T);
}

/** Sorted by block, then by place in the block: the recording itself is not. */
export function joinArbitrages(executionsNdjson: string, opportunitiesNdjson: string): Arbitrage[] {
  const openings = new Map(parseLines<RecordedOpportunity>(opportunitiesNdjson).map((document) => [document.id, openingOf(document)]));
  return parseLines<RecordedExecution>(executionsNdjson)
    .map((execution) => {
      const opening = openings.get(execution.id);
      return opening === undefined ? { execution } : { execution, opening };
    })
    .toSorted((a, b) => blockOrder(a.execution) - blockOrder(b.execution));
}

function blockOrder({ block_number, transaction }: RecordedExecution): number {
  return block_number * 1_000 + transaction.transactionIndex;
}

/** Eleven documents name the same opening twice; the earliest counts. */
function openingOf({ opportunities }: RecordedOpportunity): Opening {
  let earliest: Opening = {};
  for (const { swap } of opportunities) {
    if (swap.timestamp === null || swap.transaction_hash === null) continue;
    const atMs = swap.timestamp * 1_000;
    if (earliest.atMs === undefined || atMs < earliest.atMs) earliest = { atMs, transactionHash: swap.transaction_hash };
  }
  return earliest;
}
