/** What workflows and agents report, in the webhook's envelope `{eventType, workflowId, agentId, data}` or flat. */
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import type { Mapping } from "./mapping.ts";
import { has } from "./reading.ts";
import { identity, number, text, time } from "./units.ts";

const status: Mapping = {
  to: "status",
  from: ["status", "state"],
  says: "text; completed for a workflow.completed that says none",
  otherwise: "refused",
  compute: (reading) => reading.takeFirst(["status", "state"], text) ?? (reading.type === "workflow.completed" ? "completed" : undefined),
};

export const workflowReport = dialect({
  name: "workflow",
  kinds: ["workflow", "agent"],
  tells: "`workflowId` or `agentId`, in the envelope or in `data`",
  recognise: () => true,
  isForeign: (record) => has(record, "workflowId") || has(record, "agentId"),
  times: ["timestamp", "updated_at", "updatedAt", "completed_at", "completedAt"],
  mayLackTime: true,
  mappings: [
    field("workflow_id", ["workflow_id", "workflowId", "^workflowId", "^workflow_id"], identity),
    optional("agent_id", ["agent_id", "agentId", "^agentId", "^agent_id"], identity),
    status,
    optional("progress", "progress", number),
    optional("message", "message", text),
    field("timestamp", ["timestamp", "updated_at", "updatedAt", "completed_at", "completedAt", "^time"], time),
  ],
});
