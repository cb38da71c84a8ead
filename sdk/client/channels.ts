/** The channels of docs/protocol.md as TypeScript sees them: what each carries, and what identifies an entity. Aliases are not offered:
 *  frames carry canonical names only. */
import type { z } from "zod";
import type { Alert, Execution, Market, Metric, Opportunity, Strategy, Workflow } from "../../schemas/data.ts";

export type { Execution, Market, Metric, Opportunity, Strategy } from "../../schemas/data.ts";

export interface StreamData {
  readonly opportunities: Opportunity;
  readonly executions: Execution;
  readonly strategies: Strategy;
  readonly market: Market;
  readonly alerts: z.infer<typeof Alert>;
  readonly metrics: Metric;
  readonly integration: z.infer<typeof Workflow>;
}

export type StreamName = keyof StreamData;
/** Streams, the chain views of two of them, and what operators replay: a channel of its own, with events of any stream. */
export type ChannelName = StreamName | `opportunities:${string}` | `executions:${string}` | `replay:${string}`;
export type StreamOf<C extends ChannelName> = C extends StreamName
  ? C
  : C extends `opportunities:${string}`
    ? "opportunities"
    : C extends `executions:${string}`
      ? "executions"
      : StreamName;
export type DataOf<C extends ChannelName> = StreamData[StreamOf<C>];

/** What a subscription leaves out (docs/protocol.md, 5.1). */
export interface Filters {
  readonly chain?: string;
  readonly dex?: string;
  readonly token_pair?: string;
  readonly strategy_id?: string;
  readonly status?: string;
  /** A decimal string. */
  readonly min_profit?: string;
  readonly max_risk?: number;
}

/** A place in a stream: `epoch` names the stream's life, `offset` counts in it. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

interface StreamRule {
  /** Whether GET /api/channels/{channel}/snapshot answers for it. */
  readonly hasSnapshot: boolean;
  readonly hasChainViews: boolean;
  /** One entity only: its newest event makes any position good. */
  readonly isLastValue: boolean;
}

const plain: StreamRule = { hasSnapshot: true, hasChainViews: false, isLastValue: false };

const streamRules: Readonly<Record<StreamName, StreamRule>> = {
  opportunities: { ...plain, hasChainViews: true },
  executions: { ...plain, hasChainViews: true },
  strategies: plain,
  market: { ...plain, isLastValue: true },
  alerts: { ...plain, hasSnapshot: false },
  metrics: plain,
  integration: { ...plain, hasSnapshot: false },
};

const chainName = /^[a-z0-9_-]{1,64}$/;
const replayName = /^replay:[0-9a-z]{1,64}$/;

/** Throws on a name that the edge does not know, before a socket is opened for it. */
export function ruleOf(channel: string): StreamRule {
  if (replayName.test(channel)) return { ...plain, hasSnapshot: false };
  const [stream = "", chain, ...rest] = channel.split(":");
  const rule = Object.hasOwn(streamRules, stream) ? streamRules[stream as StreamName] : undefined;
  const isView = chain !== undefined && rest.length === 0 && chainName.test(chain) && rule?.hasChainViews === true;
  if (rule === undefined || (chain !== undefined && !isView)) throw new TypeError(`there is no channel "${channel.slice(0, 64)}"`);
  return rule;
}

/** One text for equal subscriptions, whatever the order in which filters were written. */
export function keyOf(channel: string, filters: Filters = {}): string {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  return JSON.stringify([channel, given.sort(([a], [b]) => (a < b ? -1 : 1))]);
}
