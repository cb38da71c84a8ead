/** A page of a channel's log over REST, forwards from a position or backwards from the newest event. Decides what to ask the hub for and
 *  whether the answer continues the reader's position; what belongs to a page is positions.ts. */
import { z } from "zod";
import type { ChannelName } from "../../channels/catalogue.ts";
import { AppError } from "../../platform/errors.ts";
import { historyLimitMax, pageLimitDefault } from "../../schemas/limits.ts";
import type { ChannelRpc, HistoryReply } from "../../schemas/rpc.ts";
import { ask } from "../http/ask.ts";
import { wholeNumber } from "../http/parameters.ts";
import { historyPage, refuseForeign, refuseHole, reversePage } from "./positions.ts";
import type { HistoryPage } from "./positions.ts";

export const HistoryQuery = z.object({
  since: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  epoch: z.string().min(1, "must not be empty").max(64).optional(),
  limit: wholeNumber(1, historyLimitMax).default(pageLimitDefault),
  /** From the newest to the oldest: what lies before `since`, or at the end of the log. */
  reverse: z.enum(["true", "false"], "must be true or false").default("false"),
});

interface HistoryWish {
  /** Asked for once the query is known to be sound: an object is not touched before. */
  hub(): Pick<ChannelRpc, "history">;
  readonly channel: ChannelName;
  readonly query: z.output<typeof HistoryQuery>;
}

export interface HistoryAnswer extends HistoryPage {
  readonly reply: HistoryReply;
  readonly hasNext: boolean;
}

/** Throws INVALID_PARAMETERS for a position without its epoch, CONFLICT for one from which nothing continues. */
export function readHistory(wish: HistoryWish): Promise<HistoryAnswer> {
  const { since = 0, epoch, reverse } = wish.query;
  // An offset means nothing without its epoch; guessing would hide a hole (REALTIME 1).
  if (since > 0 && epoch === undefined)
    throw new AppError("INVALID_PARAMETERS", "epoch: is needed with since", { details: { parameter: "epoch" } });
  return reverse === "true" ? readBackwards(wish) : readForwards(wish);
}

/** A view may leave out most of what is read: it asks for the most, then cuts. */
function pageSize({ channel, query }: HistoryWish): number {
  return channel.chain === undefined ? query.limit : historyLimitMax;
}

async function readForwards(wish: HistoryWish): Promise<HistoryAnswer> {
  const { stream, chain } = wish.channel;
  const { since = 0, epoch, limit } = wish.query;
  const request = { v: 1, stream, since, limit: pageSize(wish) } as const;
  const reply = await ask(wish.hub().history(request), { what: "the channel" });
  if (epoch !== undefined) refuseHole(reply, { epoch, offset: since });
  const page = historyPage(reply, { chain, since, limit });
  return { reply, ...page, hasNext: page.through < reply.top };
}

async function readBackwards(wish: HistoryWish): Promise<HistoryAnswer> {
  const { stream, chain } = wish.channel;
  const { since, epoch, limit } = wish.query;
  const until = since === undefined ? {} : { until: Math.max(0, since - 1) };
  const request = { v: 1, stream, since: 0, ...until, limit: pageSize(wish), reverse: true } as const;
  const reply = await ask(wish.hub().history(request), { what: "the channel" });
  if (epoch !== undefined) refuseForeign(reply, { epoch, offset: since ?? 0 });
  const page = reversePage(reply, { chain, limit });
  return { reply, ...page, hasNext: page.through > reply.first };
}
