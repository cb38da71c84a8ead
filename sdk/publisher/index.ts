/** The publisher for backends, in Node, Deno and browsers: `import { createPublisher } from "arbitragex-edge/publisher"` (docs/producers.md). */
export { createPublisher, PublisherError } from "./publisher.ts";
export type { Publisher, PublisherOptions } from "./publisher.ts";
export type { PublishResult } from "./answer.ts";
export type { DataFor, PublishEvent } from "./event.ts";
