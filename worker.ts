/** Wiring only: which handler answers which trigger, and which classes are objects. */
export { Channel } from "./durable-objects/channel/channel.ts";
export { Relay } from "./durable-objects/relay/relay.ts";

export default {
  async fetch() {
    return new Response("ok");
  },
} satisfies ExportedHandler<Env>;
