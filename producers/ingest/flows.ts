/** Keeps what one isolate knows of its streams and its door, for admission.ts to decide by. */
import type { LogFields } from "../../platform/log.ts";
import { afterRefusal, entered, findRefusal, idleFlow, left } from "./admission.ts";
import type { Flow, Refusal, Wanted } from "./admission.ts";

export interface FlowDeps {
  /** By stream; lives as long as the isolate. */
  readonly flows: Map<string, Flow>;
  nowMs(): number;
  report(event: string, fields: LogFields): void;
}

/** Whether a live request for these streams is refused as a whole: parking what is beyond a ceiling would only make its news late. */
export function shed(wanted: readonly Wanted[], deps: FlowDeps): Refusal | undefined {
  const refusal = findRefusal(deps.flows, wanted);
  if (refusal !== undefined) deps.flows.set(refusal.stream, afterRefusal(flowOf(refusal.stream, deps), deps.nowMs()));
  return refusal;
}

export function enter(stream: string, deps: FlowDeps): void {
  deps.flows.set(stream, entered(flowOf(stream, deps)));
}

export function leave(stream: string, answered: boolean, deps: FlowDeps): void {
  const before = flowOf(stream, deps);
  const after = left(before, { answered, nowMs: deps.nowMs() });
  deps.flows.set(stream, after);
  if (Number.isFinite(after.limit) && !Number.isFinite(before.limit)) deps.report("ingest.overloaded", { stream, limit: after.limit });
}

function flowOf(stream: string, { flows }: FlowDeps): Flow {
  return flows.get(stream) ?? idleFlow(stream);
}
