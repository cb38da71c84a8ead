/** Servers, channels and operations of the AsyncAPI document: which address speaks what. An operation is the edge's: it receives what
 *  clients send. */
import { z } from "zod";
import { clientNames, controlNames, eventNames, legacyNames } from "./asyncapi-messages.ts";
import { closeCodes } from "./socket.ts";
import { SseQuery } from "./sse.ts";

const host = { default: "localhost:8787", description: "where the edge is deployed" };
const security = [{ $ref: "#/components/securitySchemes/bearer" }, { $ref: "#/components/securitySchemes/token" }];

export const servers = {
  sockets: { host: "{host}", protocol: "wss", description: "WebSocket", variables: { host }, security },
  streams: { host: "{host}", protocol: "https", description: "server-sent events", variables: { host }, security },
} as const;

const websocket = { servers: [{ $ref: "#/servers/sockets" }] };
const closing = { "x-close-codes": closeCodes };
const query = {
  batch: { type: "string", enum: ["0", "1"], description: "1: several frames in one message" },
  token: { type: "string" },
  epoch: { type: "string" },
  offset: { type: "string", pattern: "^\\d+$", description: "with epoch: the position to go on from" },
} as const;

const nativeSent = [...controlNames, "history", "batch", ...eventNames];
const streamSent = ["subscribed", "unsubscribed", "token_expiring", "error", "closed", ...eventNames];

function messageRefs(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function socketQuery(...names: readonly (keyof typeof query)[]): object {
  const properties = Object.fromEntries(names.map((name) => [name, query[name]]));
  return { ws: { method: "GET", query: { type: "object", properties }, bindingVersion: "0.1.0" } };
}

export function channels(streams: readonly string[]): Record<string, object> {
  const parameters = {
    channel: {
      description: `one of ${streams.join(", ")}; opportunities and executions also by chain`,
      examples: [...streams, "opportunities:arbitrum"],
    },
  };
  const native = messageRefs([...clientNames, ...nativeSent]);
  return {
    socket: {
      address: "/ws",
      title: "All channels on one socket",
      description:
        "Native frames. A socket that says nothing for a second, or whose first frame is a ping, is taken for the deployed frontend and gets the legacy frames; its first authenticate or subscribe makes it native.",
      ...websocket,
      ...closing,
      messages: { ...native, ...messageRefs(legacyNames) },
      bindings: socketQuery("batch", "token"),
    },
    channelSocket: {
      address: "/ws/{channel}",
      title: "One channel, already subscribed",
      ...websocket,
      ...closing,
      parameters,
      messages: native,
      bindings: socketQuery("batch", "token", "epoch", "offset"),
    },
    partySocket: {
      address: "/parties/channel/{channel}",
      title: "The same, at PartyKit's address",
      ...websocket,
      ...closing,
      parameters,
      messages: native,
      bindings: socketQuery("batch", "token", "epoch", "offset"),
    },
    centrifugo: {
      address: "/connection/websocket",
      title: "Centrifugo's JSON protocol v2",
      description:
        "For Centrifugo's SDKs, unmodified: connect, subscribe with recovery, history, presence, ping, refresh. A publication's data is the event: type, id, time, data.",
      externalDocs: { description: "the protocol", url: "https://centrifugal.dev/docs/transports/client_protocol" },
      ...websocket,
      messages: messageRefs(["centrifugo_command", "centrifugo_reply"]),
    },
    stream: {
      address: "/sse/{channel}",
      title: "One channel as server-sent events",
      description:
        "`event:` is the frame's type, `data:` the native frame, `id:` its position as <epoch>:<offset>. A reader that returns with Last-Event-ID is sent what it missed; `subscribed` with was_recovering and not recovered says that continuity is lost. Errors before the stream starts are HTTP statuses.",
      servers: [{ $ref: "#/servers/streams" }],
      parameters,
      messages: messageRefs(streamSent),
    },
  };
}

function operation(action: "send" | "receive", channel: string, names: readonly string[]): object {
  const messages = names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));
  return { action, channel: { $ref: `#/channels/${channel}` }, messages };
}

export const operations = {
  receiveFrames: operation("receive", "socket", clientNames),
  sendFrames: operation("send", "socket", nativeSent),
  sendLegacyFrames: operation("send", "socket", [...legacyNames, "pong"]),
  receiveChannelFrames: operation("receive", "channelSocket", clientNames),
  sendChannelFrames: operation("send", "channelSocket", nativeSent),
  receivePartyFrames: operation("receive", "partySocket", clientNames),
  sendPartyFrames: operation("send", "partySocket", nativeSent),
  receiveCentrifugoCommands: operation("receive", "centrifugo", ["centrifugo_command"]),
  sendCentrifugoReplies: operation("send", "centrifugo", ["centrifugo_reply"]),
  streamEvents: {
    ...operation("send", "stream", streamSent),
    bindings: { http: { method: "GET", query: streamQuery(), bindingVersion: "0.3.0" } },
  },
} as const;

function streamQuery(): object {
  const { $schema: _, ...rest } = z.toJSONSchema(SseQuery, { io: "input", target: "draft-7" });
  return rest;
}
