/** An execution as any of the owner's services writes it: one adapter, because the variants differ in spelling only and mix freely. */
import { executionStatuses } from "../../schemas/data.ts";
import type { EventType } from "../../schemas/event.ts";
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import type { Mapping } from "./mapping.ts";
import { chainFrom } from "./opportunity.ts";
import { has } from "./reading.ts";
import type { Fields } from "./reading.ts";
import { blockNumber, decimal, identity, integer, number, text, time, words } from "./units.ts";

type Status = (typeof executionStatuses)[number];

const statuses: Readonly<Record<string, Status>> = {
  ...(Object.fromEntries(executionStatuses.map((status) => [status, status])) as Record<Status, Status>),
  included: "confirmed",
  completed: "confirmed",
  success: "confirmed",
  cancelled: "failed",
  timeout: "failed",
};
const status = words(statuses);

const typeOfStatus: Readonly<Record<Status, EventType>> = {
  pending: "execution.submitted",
  submitted: "execution.submitted",
  confirmed: "execution.completed",
  failed: "execution.failed",
  reverted: "execution.failed",
};

const usd = ["actual_profit_usd", "actualProfitUSD", "profit_usd", "profitUSD"];
const eth = ["actual_profit_eth", "actualProfitETH", "profit_eth", "profitETH"];
const unnamed = ["actual_profit", "actualProfit"];

/** ETH and USD both occur; the currency goes with the field that was taken. */
const currency: Mapping = {
  to: "profit_currency",
  from: ["profit_currency", "profitCurrency", ...usd, ...eth],
  says: "as sent beside an unnamed profit; USD or ETH by the field that holds the profit; USD unless said",
  otherwise: "left out",
  compute(reading) {
    const taken = reading.firstOf([...unnamed, ...usd, ...eth]);
    if (taken !== undefined && usd.includes(taken)) return "USD";
    if (taken !== undefined && eth.includes(taken)) return "ETH";
    return reading.takeFirst(["profit_currency", "profitCurrency"], text);
  },
};

/** Spellings that canonical executions do not have. */
const foreignNames = ["opportunityId", "tx_hash", "txHash", "transactionHash", "executionId", "gasUsed", "actualProfit", "createdAt"];

function isForeign(record: Fields): boolean {
  if (foreignNames.some((name) => has(record, name))) return true;
  if (!has(record, "status") || !has(record, "opportunity_id")) return false;
  const sent = record["status"];
  const isForeignStatus = typeof sent === "string" && Object.hasOwn(statuses, sent.toLowerCase()) && statuses[sent] !== sent;
  return isForeignStatus || (!has(record, "execution_id") && has(record, "id"));
}

export const foreignExecution = dialect({
  name: "execution",
  kinds: ["execution"],
  tells: "`id`, `opportunityId`, `tx_hash`, `txHash`, `transactionHash` or a status such as `SUCCESS`",
  recognise: () => true,
  isForeign,
  typeOf(record) {
    const read = has(record, "status") ? status.read(record["status"]) : undefined;
    const opportunity = has(record, "opportunity_id") || has(record, "opportunityId");
    return read !== undefined && "value" in read && opportunity ? typeOfStatus[read.value] : undefined;
  },
  times: ["updated_at", "updatedAt", "completed_at", "completedAt", "timestamp", "executed_at", "executedAt", "created_at", "createdAt"],
  mappings: [
    field("execution_id", ["execution_id", "executionId", "id"], identity),
    field("opportunity_id", ["opportunity_id", "opportunityId"], identity),
    optional("strategy_id", ["strategy_id", "strategyId"], identity),
    chainFrom(["chain", "chain_id", "chainId", "blockchain", "metadata.chain"]),
    optional("transaction_hash", ["transaction_hash", "tx_hash", "txHash", "transactionHash"], text),
    optional("block_number", ["block_number", "blockNumber"], blockNumber),
    optional("gas_used", ["gas_used", "gasUsed"], integer),
    optional("actual_profit", [...unnamed, ...usd, ...eth], decimal),
    currency,
    optional("execution_time", ["execution_time", "executionTime", "execution_time_ms", "executionTimeMs"], number),
    field("status", "status", status),
    optional("error_message", ["error_message", "errorMessage", "error"], text),
    field("created_at", ["created_at", "createdAt", "timestamp", "executed_at", "executedAt"], time),
  ],
});
