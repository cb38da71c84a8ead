/** Metrics: one by name and value, or an object of many numbers, each of which becomes an event of its own. */
import { toDecimalText } from "./decimal-text.ts";
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import { has, isFields } from "./reading.ts";
import type { Fields } from "./reading.ts";
import { asSent, chain, decimal, identity, text, time } from "./units.ts";

const names = ["metric_type", "metricType", "metric", "name"];
const times = ["timestamp", "recorded_at", "recordedAt"];
/** What the numbers of one report have in common. */
const common = [...times, "chain", "strategy_id", "strategyId", "aggregation_period", "aggregationPeriod", "metadata"];
/** Of one report: more belong in several. */
const metricsMax = 256;

/** Numbers at any depth, named by their path: `{"cpu":{"load":0.5}}` is `cpu.load`. Whatever else is there stays beside each. */
function split(record: Fields): readonly Fields[] {
  if (names.some((name) => has(record, name)) && has(record, "value")) return [record];
  const numbers = leaves(record, "").filter(([, value]) => toDecimalText(value) !== undefined);
  const shared = Object.fromEntries(Object.entries(record).filter(([name, value]) => common.includes(name) || !isNumeric(value)));
  return numbers.slice(0, metricsMax + 1).map(([name, value]) => ({ ...shared, metric_type: name, value }));
}

function leaves(fields: Fields, prefix: string): [name: string, value: unknown][] {
  return Object.entries(fields).flatMap(([name, value]): [string, unknown][] => {
    if (prefix === "" && common.includes(name)) return [];
    return isFields(value) ? leaves(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value]];
  });
}

function isNumeric(value: unknown): boolean {
  return isFields(value) || toDecimalText(value) !== undefined;
}

export const metricsReport = dialect({
  name: "metrics",
  kinds: ["metrics"],
  tells: "a metrics event by another name: `system_metrics_update`, `metrics_recorded`",
  recognise: () => true,
  isForeign: () => false,
  split,
  times,
  mayLackTime: true,
  mappings: [
    field("metric_type", names, text),
    field("value", "value", decimal),
    optional("chain", "chain", chain),
    optional("strategy_id", ["strategy_id", "strategyId"], identity),
    optional("aggregation_period", ["aggregation_period", "aggregationPeriod"], asSent),
    field("timestamp", [...times, "^time"], time),
  ],
});

export { metricsMax };
