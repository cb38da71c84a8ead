/** The native dialect (CONTRACT 5.1). Event frames are made by joining text around an event's own wire text. */
import { socketFrameBytesMax, userSocketsMax } from "../../schemas/limits.ts";
import { closeCodes, unsubscribeCodes, type RequestId, type ServerFrame } from "../../schemas/socket.ts";
import type { Closing, Dialect, Listener, Refusal, Rendering, Reply } from "./dialect.ts";
import type { LiveEvent } from "./live-event.ts";
import { readNative } from "./native-commands.ts";

export interface NativeHead {
  readonly channel: string;
  readonly epoch: string;
}

type Sparse = NonNullable<Rendering["sparse"]>;

/** `opportunity.detected` → `opportunity_detected`. `prev` is the previous offset that matched the channel and filter. */
export function renderNative({ channel, epoch }: NativeHead, event: LiveEvent, prev: number): string {
  const type = event.type.replaceAll(".", "_");
  // Channel names are [a-z0-9_:-] and epochs ours: neither needs escaping.
  return `{"type":"${type}","channel":"${channel}","epoch":"${epoch}","offset":${event.offset},"prev":${prev},${event.nativeTail}`;
}

export function renderPosition(channel: string, offset: number): string {
  return `{"type":"position","channel":"${channel}","offset":${offset}}`;
}

/** One batch frame stays well under what clients take as one message; a lone frame is at most an event. */
const batchCharsMax = 262_144;

/** Several frames in one send, for sockets opened with `?batch=1`. */
export function renderBatches(frames: readonly string[]): string[] {
  const batches: string[] = [];
  let open: string[] = [];
  let chars = 0;
  const close = (): void => {
    if (open.length > 0) batches.push(`{"type":"batch","frames":[${open.join(",")}]}`);
    open = [];
    chars = 0;
  };
  for (const frame of frames) {
    if (chars + frame.length > batchCharsMax) close();
    open.push(frame);
    chars += frame.length;
  }
  close();
  return batches;
}

/** Renders a run of matching events whose first predecessor is `prev`. */
export function renderRun(head: NativeHead, events: readonly LiveEvent[], prev: number): string[] {
  let last = prev;
  return events.map((event) => {
    const frame = renderNative(head, event, last);
    last = event.offset;
    return frame;
  });
}

/** A run out of which conflation left events: where a frame's predecessor was left out, a `position` says that it is not coming. */
function renderSparse(head: NativeHead, { events, prev, sparse }: Pick<Rendering, "events" | "prev"> & { sparse: Sparse }): string[] {
  let last = prev;
  const frames = events.flatMap((event, index) => {
    const before = sparse.prevs[index] ?? last;
    const leap = before > last ? [renderPosition(head.channel, before)] : [];
    last = event.offset;
    return [...leap, renderNative(head, event, before)];
  });
  return sparse.end > last ? [...frames, renderPosition(head.channel, sparse.end)] : frames;
}

/** A page of history, oldest first or newest first; each frame names the matching one before it either way. */
function renderHistory({ run, offset, reverse, id }: Extract<Reply, { kind: "history" }>): string {
  const frames = renderRun(run, run.events, run.prev);
  const head = JSON.stringify({ type: "history", channel: run.channel, epoch: run.epoch, offset });
  const tail = id === undefined ? "" : `,"id":${JSON.stringify(id)}`;
  return `${head.slice(0, -1)},"events":[${(reverse ? frames.toReversed() : frames).join(",")}]${tail}}`;
}

/** The answer, exactly the missed events, and how far the stream is beyond them. */
function renderSubscribed(reply: Extract<Reply, { kind: "subscribed" }>, { batch, ackEveryMs }: Listener): string[] {
  const { run, offset, top, recovered, wasRecovering } = reply;
  const { channel, epoch } = run;
  const frames = renderRun(run, run.events, run.prev);
  if ((run.events.at(-1)?.offset ?? offset) < top) frames.push(renderPosition(channel, top));
  const acks = ackEveryMs === undefined ? {} : { ack_every: ackEveryMs };
  const head = frame({ type: "subscribed", channel, epoch, offset, recovered, was_recovering: wasRecovering, ...acks, ...named(reply) });
  return [head, ...(batch ? renderBatches(frames) : frames)];
}

function named({ id }: { readonly id?: RequestId | undefined }): { readonly id?: RequestId } {
  return id === undefined ? {} : { id };
}

function frame(content: ServerFrame): string {
  return JSON.stringify(content);
}

function refusal({ code, message, path, id }: Refusal): ServerFrame {
  const at = path === undefined || path === "" ? {} : { path };
  return { type: "error", code, message, ...at, ...named({ id }) };
}

function answerOf(reply: Exclude<Reply, { kind: "subscribed" | "history" | "connected" }>): ServerFrame {
  switch (reply.kind) {
    case "welcome":
      return { type: "welcome", connection_id: reply.connectionId, region: reply.region, protocol: 1 };
    case "authenticated":
      return { type: "authenticated", expires_at: new Date(reply.expiresAtMs).toISOString(), ...named(reply) };
    case "token_refused":
      return refusal({ code: "UNAUTHORIZED", message: `the token is ${reply.reason}`, path: "token", id: reply.id });
    case "token_expiring":
      return { type: "token_expiring", expires_at: new Date(reply.expiresAtMs).toISOString() };
    case "left":
      return leftOf(reply);
    case "unsubscribed":
      return { type: "unsubscribed", channel: reply.channel, code: reply.code, reason: reply.reason };
    case "presence": {
      const { members, clients, users } = reply.presence;
      return { type: "presence", channel: reply.channel, members, clients, users, ...named(reply) };
    }
    case "join":
    case "leave":
      return { type: reply.kind, channel: reply.channel, member: reply.member };
    case "pong":
      return { type: "pong", ...(reply.timestamp === undefined ? {} : { timestamp: reply.timestamp }) };
    case "refused":
      return refusal(reply.refusal);
  }
}

function leftOf({ channel, wasSubscribed, id }: Extract<Reply, { kind: "left" }>): ServerFrame {
  if (!wasSubscribed) return refusal({ code: "NOT_FOUND", message: "not subscribed to this channel", path: "channel", id });
  return { type: "unsubscribed", channel, code: unsubscribeCodes.asked, reason: "unsubscribed", ...named({ id }) };
}

const closings: Readonly<Record<Closing, { readonly code: number; readonly reason: string }>> = {
  policy: { code: closeCodes.policy, reason: "not subscribed" },
  bad_request: { code: closeCodes.policy, reason: "bad request" },
  too_big: { code: closeCodes.tooBig, reason: `frames end at ${socketFrameBytesMax} bytes` },
  bad_token: { code: closeCodes.unauthorized, reason: "token invalid" },
  unauthorized: { code: closeCodes.unauthorized, reason: "not subscribed" },
  forbidden: { code: closeCodes.forbidden, reason: "not subscribed" },
  slow: { code: closeCodes.slow, reason: "slow consumer: reconnect and recover by position" },
  expired: { code: closeCodes.expired, reason: "token expired" },
  too_many: { code: closeCodes.tooMany, reason: "too many messages" },
  too_many_sockets: { code: closeCodes.tooMany, reason: `a user holds at most ${userSocketsMax} sockets here` },
  silent: { code: closeCodes.policy, reason: "nothing was said" },
  gone: { code: closeCodes.restart, reason: "no ping for too long" },
  restart: { code: closeCodes.restart, reason: "restart: reconnect and recover by position" },
};

export const native: Dialect = {
  hasHandshake: false,
  keepsNames: false,
  // Clients of this dialect ping; the runtime answers for a sleeping relay.
  heartbeat: undefined,
  read: (raw) => [readNative(raw)],
  write(reply, listener) {
    if (reply.kind === "subscribed") return renderSubscribed(reply, listener);
    if (reply.kind === "history") return [renderHistory(reply)];
    return reply.kind === "connected" ? [] : [frame(answerOf(reply))];
  },
  render({ events, prev, announce, sparse, ...head }) {
    if (events.length === 0) return undefined;
    const frames = sparse === undefined ? renderRun(head, events, prev) : renderSparse(head, { events, prev, sparse });
    if (announce) frames.unshift(renderPosition(head.channel, prev));
    let batches: string[] | undefined;
    return ({ batch }) => (batch ? (batches ??= renderBatches(frames)) : frames);
  },
  position: renderPosition,
  close: (closing) => closings[closing],
};
