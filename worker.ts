/** Wiring only: which handler answers which trigger, and which classes are objects. */
import { runCron } from "./consumers/cron.ts";
import { consumeBatch } from "./consumers/index.ts";
import { UpstreamObject } from "./durable-objects/upstream/upstream.ts";
import { app } from "./gateway/app.ts";
import { ingestDeps } from "./producers/ingest/deps.ts";
import { takeFrames } from "./producers/upstream/index.ts";
import { keepUpstream } from "./producers/upstream/keep.ts";
import type { UpstreamFrame, UpstreamOutcome } from "./schemas/upstream.ts";

export { Channel } from "./durable-objects/channel/channel.ts";
export { Relay } from "./durable-objects/relay/relay.ts";

/** Objects do not know producers/: the way of its frames into the channels is handed to it here. */
export class Upstream extends UpstreamObject {
  protected override take(frames: readonly UpstreamFrame[]): Promise<UpstreamOutcome> {
    return takeFrames(frames, ingestDeps(this.env, "upstream"));
  }
}

export default {
  fetch: app.fetch,
  queue: (batch, env) => consumeBatch(batch, env),
  scheduled: async (_, env) => {
    await Promise.all([runCron(env, Date.now()), keepUpstream(env)]);
  },
} satisfies ExportedHandler<Env>;
