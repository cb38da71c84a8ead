/** The closed catalogue of streams: which event types each carries, which queues it feeds, which clients may name it.
 *  An unknown name creates no object (DESIGN 6). Views are filters on a stream's positions. A replay's channel is a stream of its own for as
 *  long as the replay is known: its name says only what it would be, and whoever lets a client through asks stores/replay-channels.ts. */
import { eventTypes } from "../schemas/event.ts";
import type { EventType } from "../schemas/event.ts";

export type Sink = "hot-cache" | "event-log";

export interface Stream {
  readonly name: string;
  readonly types: readonly EventType[];
  /** Queues fed from the channel's outbox. `replay:*` has none, or a replay would feed the log it reads. */
  readonly sinks: readonly Sink[];
  /** Whether `name:{chain}` is a view of it. */
  readonly chainViews: boolean;
  /** One entity only: its newest event is the stream's whole state (REALTIME 1). */
  readonly lastValue?: true;
}

const both: readonly Sink[] = ["hot-cache", "event-log"];
const logOnly: readonly Sink[] = ["event-log"];

export const streams: readonly Stream[] = [
  { name: "opportunities", types: ["opportunity.detected", "opportunity.updated", "opportunity.expired"], sinks: both, chainViews: true },
  { name: "executions", types: ["execution.submitted", "execution.completed", "execution.failed"], sinks: both, chainViews: true },
  { name: "strategies", types: ["strategy.updated"], sinks: both, chainViews: false },
  { name: "market", types: ["market.updated"], sinks: logOnly, chainViews: false, lastValue: true },
  { name: "alerts", types: ["system.alert"], sinks: logOnly, chainViews: false },
  { name: "metrics", types: ["metrics.recorded"], sinks: both, chainViews: false },
  { name: "integration", types: ["workflow.updated", "workflow.completed", "agent.updated"], sinks: logOnly, chainViews: false },
];

/** Of replays, as they are made: ULIDs in lower case. */
const replayName = /^replay:[0-9a-z]{1,64}$/;
const allTypes = Object.keys(eventTypes) as EventType[];

/** What a replay publishes into. */
export function replayChannelOf(id: string): string {
  return `replay:${id}`;
}

/** Operators only, whatever a token's map says. */
export function isReplayChannel(stream: string): boolean {
  return replayName.test(stream);
}

const byName = new Map(streams.map((stream) => [stream.name, stream]));
const byType = new Map(streams.flatMap((stream) => stream.types.map((type) => [type, stream.name] as const)));

/** Names the owner's clients use for channels of ours (CONTRACT 4). */
const aliases: Readonly<Record<string, string>> = {
  arbitrage: "opportunities",
  prices: "market",
  price_updates: "market",
  analytics: "metrics",
  system_status: "alerts",
};

/** The stream an event type is sequenced in. */
export function streamOf(type: EventType): string {
  const name = byType.get(type);
  if (name === undefined) throw new Error(`event type ${type} has no stream in the catalogue`);
  return name;
}

export function findStream(name: string): Stream | undefined {
  return byName.get(name) ?? (isReplayChannel(name) ? { name, types: allTypes, sinks: [], chainViews: false } : undefined);
}

/** A channel as a client names it: a stream, or a chain view of one. */
export interface ChannelName {
  /** Canonical name, aliases resolved: what frames carry. */
  readonly channel: string;
  readonly stream: string;
  readonly chain?: string;
}

const segment = /^[a-z0-9_-]{1,64}$/;

/** Resolves a client's channel name, or undefined when the catalogue has no such channel. */
export function findChannel(name: string): ChannelName | undefined {
  const segments = name.split(":");
  if (segments.length > 4 || !segments.every((part) => segment.test(part))) return undefined;
  if (isReplayChannel(name)) return { channel: name, stream: name };
  const [head = "", chain, ...rest] = segments;
  const stream = byName.get(aliases[head] ?? head);
  if (stream === undefined || rest.length > 0) return undefined;
  if (chain === undefined) return { channel: stream.name, stream: stream.name };
  if (!stream.chainViews) return undefined;
  return { channel: `${stream.name}:${chain}`, stream: stream.name, chain };
}
