/** Posts one body until the edge has answered for it: the publisher's own way (sdk/publisher/post.ts), for bodies made elsewhere. */
import type { Verdict } from "../sdk/publisher/answer.ts";
import { postBatch as postUntilAnswered } from "../sdk/publisher/post.ts";

export interface Endpoint {
  /** `http://host:port` of the edge. */
  readonly baseUrl: string;
  readonly apiKey: string;
}

export interface PostOutcome extends Verdict {
  /** 1 when the first attempt was answered. */
  readonly attempts: number;
}

const attemptTimeoutMs = 15_000;
/** Longer than a restart of the edge takes. */
const giveUpAfterMs = 300_000;

/** Throws once the time is used up, on an answer that repeating cannot change, or when `signal` aborts. */
export async function postBatch({ baseUrl, apiKey }: Endpoint, body: string, signal: AbortSignal): Promise<PostOutcome> {
  const endpoint = `${baseUrl}/api/events`;
  return postUntilAnswered(body, { endpoint, key: apiKey, fetch, attemptTimeoutMs, giveUpAfterMs, signal, random: Math.random });
}
