/** Event types by every spelling the owner's services use: `opportunity_detected`, `opportunity:detected`, `arbitrage.opportunity.detected`
 *  and `opportunity.detected` are one. */
import { isEventType } from "../../schemas/event.ts";
import type { EventType } from "../../schemas/event.ts";

/** Names that no change of separators brings to the canonical one, with dots between their words. */
export const otherNames: Readonly<Record<string, EventType>> = {
  "system.error": "system.alert",
  "workflow.status.update": "workflow.updated",
  "agent.status.update": "agent.updated",
  "system.metrics.update": "metrics.recorded",
};

/** Undefined for a name that is none of ours. */
export function toEventType(name: string): EventType | undefined {
  if (isEventType(name)) return name;
  const dotted = dottedName(name);
  if (isEventType(dotted)) return dotted;
  return Object.hasOwn(otherNames, dotted) ? otherNames[dotted] : undefined;
}

/** The name in lower case with dots between its words, without the owner's `arbitrage.` before it. */
export function dottedName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[_:]/g, ".")
    .replace(/^arbitrage\./, "");
}
