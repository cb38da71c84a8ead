/** Whom the hub calls for whom. A few relays are called one by one. Of many, one per region carries the rows for the others of its region,
 *  so that a publish costs the hub a call per region. What is behind, silent or unknown is called alone. Pure. */
import { directRelaysMax, forwardMax } from "../../schemas/limits.ts";
import { nextStep, type Sender } from "./sender.ts";

export interface Call {
  /** The first is called and carries for the rest. */
  readonly members: readonly [Sender, ...Sender[]];
  /** Where the rows go on from; undefined asks for the position only. */
  readonly after: number | undefined;
}

export interface Plan {
  readonly calls: readonly Call[];
  /** When a relay that failed may be tried again. */
  readonly wakeAt: number | undefined;
}

export interface Standing {
  readonly top: number;
  /** Oldest offset that the log holds. */
  readonly first: number;
  readonly now: number;
}

export function planCalls(senders: readonly Sender[], standing: Standing): Plan {
  const calls: Call[] = [];
  const ready = new Map<string, [Sender, ...Sender[]]>();
  let wakeAt: number | undefined;
  const isTree = senders.length > directRelaysMax;
  const busy = isTree ? new Set(senders.filter(isCarried).map(regionOf)) : new Set<string>();
  for (const sender of senders) {
    const step = nextStep(sender, standing.top, standing.now);
    if (step.kind === "wait") wakeAt = Math.min(wakeAt ?? step.until, step.until);
    if (step.kind === "probe") calls.push({ members: [sender], after: undefined });
    if (step.kind !== "send") continue;
    // A relay that must be told of a jump, or that did not answer, holds up nobody else.
    const isAlone = !isTree || sender.failures > 0 || step.after + 1 < standing.first;
    if (isAlone) calls.push({ members: [sender], after: step.after });
    // One call at a time per region, so that its relays come to stand at the same place.
    else if (!busy.has(regionOf(sender))) put(ready, sender);
  }
  for (const members of ready.values()) calls.push(...carried(members));
  return { calls, wakeAt };
}

/** `relay:{region}:{shard}`. */
function regionOf({ relay }: Sender): string {
  return relay.split(":")[1] ?? "";
}

function isCarried({ inFlight, failures, position }: Sender): boolean {
  return inFlight && failures === 0 && position !== undefined;
}

function put(groups: Map<string, [Sender, ...Sender[]]>, sender: Sender): void {
  const group = groups.get(regionOf(sender));
  if (group === undefined) groups.set(regionOf(sender), [sender]);
  else group.push(sender);
}

/** Rows from the hindmost on: the others drop what they have. */
function carried(members: readonly Sender[]): Call[] {
  const calls: Call[] = [];
  for (let start = 0; start < members.length; start += forwardMax + 1) {
    const [head, ...rest] = members.slice(start, start + forwardMax + 1);
    if (head === undefined) continue;
    calls.push({ members: [head, ...rest], after: Math.min(...[head, ...rest].map(({ position = 0 }) => position)) });
  }
  return calls;
}
