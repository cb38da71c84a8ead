/** Starts the Upstream object where Contabo's socket is configured. An object does not begin by itself after the first deploy: the cron and
 *  /health call this; from then on its own alarm keeps it. */
import { upstreamStub } from "../../durable-objects/stubs.ts";
import type { UpstreamBindings } from "../../durable-objects/stubs.ts";
import { configOf } from "../../platform/config.ts";

export async function keepUpstream(env: UpstreamBindings): Promise<void> {
  if (configOf(env).upstream.urls.length > 0) await upstreamStub(env).keep();
}
