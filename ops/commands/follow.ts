/** Watches work that goes on in the edge, whether or not anybody watches: asks again until it rests, and shows how far it is. */
import type { Session } from "../cli.ts";
import { makeClient, type Client } from "../client.ts";
import { startProgress, type Reached } from "../progress.ts";

export interface Followed<T> {
  readonly label: string;
  readonly unit: string;
  readonly path: string;
  /** True once it will not change by itself. */
  rests(state: T): boolean;
  reached(state: T): Reached;
}

/** Often enough for a bar to move, seldom enough to cost nothing: 3,600 requests an hour are a tenth of a cent. */
const askEveryMs = 1_000;

export async function follow<T>({ edge, world, signal }: Session, { label, unit, path, rests, reached }: Followed<T>): Promise<T> {
  const progress = startProgress(world.stderr, { label, unit, now: world.now });
  try {
    for (;;) {
      const state = await edge.get<T>(path);
      progress.update(reached(state));
      if (rests(state)) return state;
      await world.sleep(askEveryMs, signal);
      signal.throwIfAborted();
    }
  } finally {
    progress.end();
  }
}

/** After Ctrl-C the session asks nothing any more: what is to be said to the edge all the same goes by this one, within its time. */
export function lastWords({ world, target }: Session, timeoutMs: number): Client {
  return makeClient({ ...world, signal: AbortSignal.timeout(timeoutMs) }, { target, timeoutMs });
}
