/** Alerts: `severity` or `level` in any of the owner's scales. */
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import type { Mapping } from "./mapping.ts";
import { has } from "./reading.ts";
import type { Fields } from "./reading.ts";
import { text, time, words } from "./units.ts";

const severities = {
  low: "info",
  info: "info",
  medium: "warning",
  warning: "warning",
  high: "warning",
  critical: "critical",
  error: "critical",
} as const;
const canonical: readonly unknown[] = ["info", "warning", "critical"];
const severity = words(severities);

const level: Mapping = {
  to: "level",
  from: ["severity", "level"],
  says: `${severity.says}; critical for a system.error that says none`,
  otherwise: "refused",
  compute: (reading) =>
    reading.takeFirst(["severity", "level"], severity) ?? (reading.at("^name") === "system.error" ? "critical" : undefined),
};

export const foreignAlert = dialect({
  name: "alert",
  kinds: ["system"],
  tells: "`severity`, or a `level` such as `high`",
  recognise: () => true,
  isForeign: (record) => has(record, "severity") || (has(record, "level") && !canonical.includes(record["level"])),
  typeOf: (record: Fields) => (has(record, "message") && (has(record, "severity") || has(record, "level")) ? "system.alert" : undefined),
  times: ["timestamp", "created_at", "createdAt", "triggered_at", "triggeredAt"],
  mayLackTime: true,
  mappings: [
    level,
    field("message", ["message", "description"], text),
    optional("category", ["category", "alert_type", "alertType", "component"], text),
    field("timestamp", ["timestamp", "created_at", "createdAt", "triggered_at", "triggeredAt", "^time"], time),
  ],
});
