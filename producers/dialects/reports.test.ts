/** Executions, alerts, workflows, agents and metrics: what is not an opportunity. */
import { describe, expect, it } from "vitest";
import { validateItems } from "../ingest/validate.ts";
import type { ValidationContext } from "../ingest/validate.ts";
import { normaliseEvent } from "./index.ts";

type Fields = Record<string, unknown>;

const nowMs = Date.UTC(2026, 10, 24, 2);
const now = new Date(nowMs).toISOString();

/** The events as rendered, or the rejection. */
function ingest(value: unknown, context: Partial<ValidationContext> = {}): { events: Fields[]; path: string | undefined } {
  const { valid, rejected } = validateItems([{ value }], { nowMs, ...context });
  return { events: valid.map(({ publication }) => JSON.parse(publication.text) as Fields), path: rejected[0]?.path };
}

function one(value: unknown, context: Partial<ValidationContext> = {}): Fields {
  const { events, path } = ingest(value, context);
  const [event] = events;
  if (event === undefined) throw new Error(`rejected at ${path}`);
  return event;
}

function dataOf(value: unknown): Fields {
  return one(value)["data"] as Fields;
}

describe("executions", () => {
  const record = { id: "x1", opportunityId: "o1", chain: "Arbitrum", status: "SUCCESS", createdAt: nowMs };
  const canonical = { execution_id: "x1", opportunity_id: "o1", chain: "arbitrum", status: "confirmed", created_at: now };

  it.each(["transaction_hash", "tx_hash", "txHash", "transactionHash"])("are recognised with %s", (name) => {
    expect(dataOf({ ...record, [name]: "0xabc" })).toMatchObject({ ...canonical, transaction_hash: "0xabc" });
  });

  it.each([
    ["included", "confirmed", "execution.completed"],
    ["confirmed", "confirmed", "execution.completed"],
    ["completed", "confirmed", "execution.completed"],
    ["SUCCESS", "confirmed", "execution.completed"],
    ["reverted", "reverted", "execution.failed"],
    ["FAILED", "failed", "execution.failed"],
    ["CANCELLED", "failed", "execution.failed"],
    ["TIMEOUT", "failed", "execution.failed"],
    ["submitted", "submitted", "execution.submitted"],
    ["pending", "pending", "execution.submitted"],
  ])("with status %s are %s, of type %s where no envelope says", (status, canonicalStatus, type) => {
    expect(one({ ...record, status })).toMatchObject({ type, data: { status: canonicalStatus } });
  });

  it.each<[Fields, Fields]>([
    [{ actual_profit: 1.25 }, { actual_profit: "1.25", profit_currency: "USD" }],
    [
      { actualProfit: "1.25", profitCurrency: "ETH" },
      { actual_profit: "1.25", profit_currency: "ETH" },
    ],
    [{ actual_profit_eth: 1e-7 }, { actual_profit: "0.0000001", profit_currency: "ETH" }],
    [{ actualProfitUSD: "-3.20" }, { actual_profit: "-3.20", profit_currency: "USD" }],
    [
      { profit_usd: "2", profit_eth: "0.001" },
      { actual_profit: "2", profit_currency: "USD", metadata: { normalised: { dialect: "execution", extra: { profit_eth: "0.001" } } } },
    ],
  ])("keep the currency of their profit: %j", (profit, expected) => {
    expect(dataOf({ ...record, ...profit })).toMatchObject(expected);
  });

  it("have gas as text and a block as a number, whatever they came as", () => {
    expect(dataOf({ ...record, gasUsed: "0x5208", blockNumber: "0x10", executionTimeMs: "12.5", error: "slow" })).toMatchObject({
      gas_used: "21000",
      block_number: 16,
      execution_time: 12.5,
      error_message: "slow",
    });
  });

  it.each<[Fields, string]>([
    [{ status: "paused" }, "data.status"],
    [{ status: undefined }, "data.status"],
    [{ opportunityId: undefined }, "data.opportunity_id"],
    [{ chain: 3 }, "data.chain"],
    [{ txHash: "abc" }, "data.txHash"],
    [{ gasUsed: -1 }, "data.gasUsed"],
    [{ actualProfit: "lots" }, "data.actualProfit"],
    [{ createdAt: "soon" }, "data.createdAt"],
  ])("are refused at the exact path: %j is %s", (changes, path) => {
    expect(ingest({ type: "execution_completed", data: { ...record, ...changes } }).path).toBe(path);
  });

  it("in CloudEvents of a canonical type are normalised too, and strict ones left alone", () => {
    const envelope = { specversion: "1.0", id: "e", source: "s", type: "execution.completed", time: now };
    const { opportunityId, ...rest } = record;
    expect(one({ ...envelope, data: { ...rest, opportunity_id: opportunityId } })).toMatchObject({ id: "e", source: "s", data: canonical });
    const strict = { execution_id: "x1", opportunity_id: "o1", chain: "arbitrum", status: "confirmed", created_at: now };
    expect(one({ ...envelope, data: strict })).not.toHaveProperty("original");
    expect(ingest({ ...envelope, data: { ...strict, status: "done" } }).path).toBe("data.status");
  });
});

describe("alerts", () => {
  it.each([
    ["low", "info"],
    ["info", "info"],
    ["medium", "warning"],
    ["warning", "warning"],
    ["HIGH", "warning"],
    ["critical", "critical"],
    ["error", "critical"],
  ])("of severity %s are %s", (severity, level) => {
    expect(dataOf({ type: "system_alert", data: { severity, message: "m", timestamp: now } })).toMatchObject({ level, message: "m" });
    expect(dataOf({ severity, message: "m", timestamp: now })).toMatchObject({ level });
  });

  it("of a system.error that says no level are critical; of any other name it must say", () => {
    expect(dataOf({ type: "system.error", data: { message: "m" } })).toMatchObject({ level: "critical", timestamp: now });
    expect(ingest({ type: "system:alert", data: { message: "m" } }).path).toBe("data.severity");
    expect(ingest({ type: "system_alert", data: { severity: "odd", message: "m" } }).path).toBe("data.severity");
    expect(ingest({ type: "system_alert", data: { severity: "low", message: "x".repeat(4_097) } }).path).toBe("data.message");
    expect(ingest({ type: "system_alert", data: { severity: "low" } }).path).toBe("data.message");
  });
});

describe("the webhook's envelope", () => {
  const envelope = { workflowId: "w1", agentId: "a1" };
  const status = { ...envelope, eventType: "workflow_status_update", data: { status: "running", progress: 40, step: "scan" } };

  it("of a workflow or an agent becomes an event of the stream integration", () => {
    expect(one(status)).toMatchObject({
      type: "workflow.updated",
      subject: "w1",
      source: "contabo/workflow",
      time: now,
      data: { workflow_id: "w1", agent_id: "a1", status: "running", progress: 40, timestamp: now },
    });
    expect(one({ ...status, eventType: "agent_status_update" })).toMatchObject({ type: "agent.updated", subject: "a1" });
    expect(one({ ...envelope, eventType: "workflow_completed", data: {} })).toMatchObject({ data: { status: "completed" } });
  });

  it("keeps fields that have no place of their own", () => {
    expect(dataOf(status)["metadata"]).toEqual({ normalised: { dialect: "workflow", extra: { step: "scan" } } });
  });

  it("of metrics becomes an event for each number, at any depth, and keeps the rest beside each", () => {
    const data = { cpu: { load: 0.5 }, memory_mb: "812.25", host: "c1", timestamp: now };
    const { events } = ingest({ ...envelope, eventType: "system_metrics_update", data });
    expect(events.map((event) => event["data"])).toMatchObject([
      { metric_type: "cpu.load", value: "0.5", timestamp: now, metadata: { normalised: { extra: { host: "c1", workflowId: "w1" } } } },
      { metric_type: "memory_mb", value: "812.25" },
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    expect(ingest({ type: "metrics_recorded", data: { name: "gas", value: 12, chain: 1 } }).events).toMatchObject([
      { data: { metric_type: "gas", value: "12", chain: "ethereum" } },
    ]);
  });

  it.each<[unknown, string]>([
    [{ ...status, eventType: "workflow_exploded" }, "eventType"],
    [{ ...status, data: 7 }, "data"],
    [{ eventType: "workflow_status_update" }, "data"],
    [{ ...status, workflowId: undefined }, "data.workflow_id"],
    [{ ...status, workflowId: {} }, "workflowId"],
    [{ ...status, data: {} }, "data.status"],
    [{ ...status, data: { status: "s", progress: 101 } }, "data.progress"],
    [{ ...status, data: { status: "s", timestamp: "later" } }, "data.timestamp"],
    [{ ...status, timestamp: "later" }, "timestamp"],
    [{ ...status, data: { status: "s", big: 2 ** 60 } }, "data.big"],
    [{ ...status, data: { status: "s", text: "\ud800" } }, "data.text"],
    [{ ...envelope, eventType: "system_metrics_update", data: { host: "c1" } }, "data"],
    [
      { ...envelope, eventType: "system_metrics_update", data: Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`m${n}`, n])) },
      "data",
    ],
    [{ eventType: "opportunity_detected", data: { what: 1 } }, "data"],
    [{ ...status, data: { status: "s", timestamp: "2020-01-01T00:00:00Z" } }, "data.timestamp"],
  ])("is refused by name: case %#", (value, path) => {
    expect(ingest(value).path).toBe(path);
  });

  it("signed, names its events after the webhook, so that a retry with a later timestamp is the same event", () => {
    const first = one(status, { signed: { webhookId: "msg_1", timeMs: nowMs - 5_000 } });
    const again = one(status, { signed: { webhookId: "msg_1", timeMs: nowMs } });
    expect([first["id"], again["id"]]).toEqual(["msg_1-0", "msg_1-0"]);
    expect(first["time"]).toBe(new Date(nowMs - 5_000).toISOString());
  });
});

it("refuses the edge's own attribute from a sender: nobody may say what was originally sent", () => {
  const event = { specversion: "1.0", id: "e", source: "s", type: "system.alert", time: now };
  const data = { level: "info", message: "m", timestamp: now };
  expect(ingest({ ...event, data, original: "lie" }).path).toBe("original");
});

it("takes strategies and the market in a frame of the backend's socket", () => {
  const strategy = { strategy_id: "s1", name: "n", type: "t", is_active: true, parameters: {}, risk_limits: {}, last_modified: nowMs };
  expect(one({ type: "strategy_updated", data: strategy })).toMatchObject({ type: "strategy.updated", data: { last_modified: now } });
  const market = { profit: 1.5, success_rate: "0.9", latency_ms: 3, total_opportunities: 1, total_executions: 0, last_update: now };
  expect(one({ type: "market:updated", data: market })).toMatchObject({ type: "market.updated", data: { profit: "1.5" } });
  expect(ingest({ type: "market:updated", data: { ...market, total_executions: 0.5 } }).path).toBe("data.total_executions");
});

it("keeps the envelope of CloudEvents as it came: id, extensions and traceparent", () => {
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const data = { severity: "low", message: "m", timestamp: now };
  const sent = { specversion: "1.0", id: "e", source: "s", type: "system:alert", time: now, traceparent, tenant: "t1", data };
  const event = one(sent);
  expect(event).toMatchObject({ id: "e", source: "s", type: "system.alert", traceparent, tenant: "t1" });
  expect(JSON.parse(String(event["original"]))).toEqual(sent);
});

it("counts what was sent and what it became together: neither pushes the other out of the log", () => {
  const bare = { severity: "low", message: "m", timestamp: now };
  const code = (chars: number): string | undefined =>
    validateItems([{ value: { ...bare, note: "x".repeat(chars) } }], { nowMs }).rejected[0]?.code;
  // The note is kept twice: in the text that was sent and as a field without a canonical place.
  expect([code(29_000), code(30_000)]).toEqual([undefined, "PAYLOAD_TOO_LARGE"]);
});

it("is idempotent: what it made is canonical", () => {
  const event = one({ severity: "low", message: "m", timestamp: now });
  expect(normaliseEvent(event, { timeMs: nowMs, index: 0 })).toEqual({ kind: "canonical" });
});
