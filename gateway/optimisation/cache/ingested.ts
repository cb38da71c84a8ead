/** What the backend posts has changed there already: what the cache holds of its answers is then out of date. Of one wrapped `publish`, so that it
 *  is told whichever way events came in. */
import type { PublishDeps } from "../../../producers/ingest/publish.ts";
import { CacheTag } from "../../../schemas/cache.ts";
import { announceChange } from "../../../stores/changes.ts";

/** Events come hundreds of times a second, and each isolate tells the colo once in this time. */
const aheadMs = 1_000;

type Published = Pick<PublishDeps, "publish">;

/** The answer to the one who posted does not wait for it. */
export function announcing<D extends Published>(deps: D, waitUntil: (work: Promise<unknown>) => void): D {
  return {
    ...deps,
    async publish(stream, events) {
      const reply = await deps.publish(stream, events);
      const tag = CacheTag.safeParse(`backend.${stream}`);
      if (tag.success && reply.kind === "ok") waitUntil(announceChange(tag.data, { nowMs: Date.now(), aheadMs }));
      return reply;
    },
  } satisfies Published as D;
}
