/** Reads a socket's upgrade request as the gateway forwards it: where the relay stands, the token, and what the address asks for. */
import { dialects, type DialectName } from "../../channels/dialects/index.ts";
import { internalHeaders } from "../../schemas/socket.ts";

export interface Upgrade {
  /** The relay's own name. */
  readonly relay: string;
  readonly region: string;
  /** The region nearest to the client, whether or not it takes sockets now. */
  readonly home: string | undefined;
  readonly token: string | undefined;
  /** To be echoed, or browsers refuse the connection. */
  readonly subprotocol: string | undefined;
  readonly batch: boolean;
  /** Offers to say how far it has read. */
  readonly ack: boolean;
  /** A subscribe frame, not yet validated, when the address names a channel. */
  readonly subscribe: Readonly<Record<string, unknown>> | undefined;
  /** What the address speaks; `pending` when nothing tells it: perhaps the deployed frontend. */
  readonly dialect: DialectName | "pending";
}

const bearer = "bearer.";
/** Offered by some of Centrifugo's SDKs. */
const jsonProtocol = "centrifuge-json";

/** Undefined when the request is no upgrade that came through the gateway. */
export function readUpgrade(request: Request): Upgrade | undefined {
  const relay = request.headers.get(internalHeaders.relay);
  if (relay === null || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  const query = new URL(request.url).searchParams;
  const channel = request.headers.get(internalHeaders.channel) ?? undefined;
  const protocols = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  const subprotocol = protocols.find((name) => name.startsWith(bearer) || name === jsonProtocol);
  const fromProtocol = subprotocol?.startsWith(bearer) === true ? subprotocol.slice(bearer.length) : undefined;
  const dialect = dialectOf(request.headers.get(internalHeaders.dialect));
  const token = query.get("token") ?? fromProtocol ?? authorizationOf(request);
  const hasBatch = query.has("batch");
  const ack = query.get("ack") === "1";
  const isBare = token === undefined && !hasBatch && !ack && channel === undefined;
  return {
    relay,
    region: relay.split(":")[1] ?? "",
    home: request.headers.get(internalHeaders.home) ?? undefined,
    // Where the dialect has a handshake, the token comes with it.
    token: token === "" || (dialect !== undefined && dialects[dialect].hasHandshake) ? undefined : token,
    subprotocol,
    batch: hasBatch && query.get("batch") !== "0",
    ack,
    subscribe: channel === undefined ? undefined : subscribeOf(channel, query),
    dialect: dialect ?? (isBare ? "pending" : "native"),
  };
}

function dialectOf(name: string | null): DialectName | undefined {
  return name !== null && Object.hasOwn(dialects, name) ? (name as DialectName) : undefined;
}

/** Browsers can't set it on a socket; every other client can. */
function authorizationOf(request: Request): string | undefined {
  return /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

function subscribeOf(channel: string, query: URLSearchParams): Record<string, unknown> {
  const offset = query.get("offset");
  const epoch = query.get("epoch");
  return {
    type: "subscribe",
    channel,
    // What is no number stays text, so that the frame's schema names it.
    ...(offset === null ? {} : { offset: /^\d{1,16}$/.test(offset) ? Number(offset) : offset }),
    ...(epoch === null ? {} : { epoch }),
  };
}
