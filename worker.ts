/** Wiring only: which handler answers which trigger, and which classes are objects. */
import { runCron } from "./consumers/cron.ts";
import { consumeBatch } from "./consumers/index.ts";
import { app } from "./gateway/app.ts";

export { Channel } from "./durable-objects/channel/channel.ts";
export { Relay } from "./durable-objects/relay/relay.ts";

export default {
  fetch: app.fetch,
  queue: (batch, env) => consumeBatch(batch, env),
  scheduled: (_, env) => runCron(env, Date.now()),
} satisfies ExportedHandler<Env>;
