/** The AsyncAPI 3 document of everything that goes over sockets and event streams, made from the schemas that the edge itself uses. What
 *  is said is in asyncapi-messages.ts, where it is said in asyncapi-channels.ts; this file joins them. */
import { channels, operations, servers } from "./asyncapi-channels.ts";
import { messages, schemas } from "./asyncapi-messages.ts";

export interface AsyncApiDocument {
  readonly asyncapi: "3.0.0";
  readonly info: Readonly<Record<string, unknown>>;
  readonly defaultContentType: string;
  readonly servers: Readonly<Record<string, unknown>>;
  readonly channels: Readonly<Record<string, unknown>>;
  readonly operations: Readonly<Record<string, unknown>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly messages: Readonly<Record<string, { readonly payload: object }>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

const description = [
  "Every event has a position in its stream: an epoch and an offset that grows by one. A frame also names `prev`, the previous offset that",
  "matched its channel and filter, so that a client sees a hole (`prev` greater than the greatest offset seen) whatever views and filters",
  "leave out. A client that returns with its position is sent exactly what it missed, or told that it can't be.",
].join(" ");

/** `streams` are the names of the catalogue. */
export function asyncApiDocument(streams: readonly string[]): AsyncApiDocument {
  return {
    asyncapi: "3.0.0",
    info: { title: "ArbitrageX Edge", version: "1.0.0", description },
    defaultContentType: "application/json",
    servers,
    channels: channels(streams),
    operations,
    components: {
      schemas: schemas(),
      messages: messages(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "for clients that can set headers" },
        token: { type: "httpApiKey", in: "query", name: "token", description: "the same token, for browsers; it reaches no log" },
      },
    },
  };
}
