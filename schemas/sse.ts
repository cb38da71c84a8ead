/** What an SSE address takes (CONTRACT 5.5), and the one event that no socket frame has. */
import { z } from "zod";

const Parameter = z.string().min(1, "must not be empty").optional();

/** Names of filters; their values are checked by the rules all dialects share (channels/filter.ts). */
export const filterParameters = {
  chain: Parameter,
  dex: Parameter,
  max_risk: Parameter,
  min_profit: Parameter,
  status: Parameter,
  strategy_id: Parameter,
  token_pair: Parameter,
} as const;

/** `token` and `last_event_id` are for readers that cannot set headers: browsers, and polyfills on their first request. */
export const SseQuery = z.object({ token: Parameter, last_event_id: Parameter, ...filterParameters });

/** The socket behind the stream was closed, with its code: a stream has none. */
export const SseClosed = z.object({ type: z.literal("closed"), code: z.int(), reason: z.string() });
