/** Reads what the edge sends: JSON, batches taken apart, each frame checked for the fields that positions hang on. Frames of unknown types
 *  are left out, so that an older client outlives a newer edge. `data` is the edge's word: it validated every event at ingest. */
import { deserialize } from "superjson";
import type { ServerFrame } from "../../schemas/socket.ts";

export interface EventFrame {
  /** `opportunity_detected`, … */
  readonly type: string;
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  /** The previous offset that matched the channel and its filters. */
  readonly prev: number;
  readonly id: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta?: Readonly<Record<string, unknown>>;
  /** Older than what was already known of its entity: part of the log, not of the state. */
  readonly stale?: true;
}

/** An event as the application sees it. */
export type ChannelEvent<D> = Omit<EventFrame, "data" | "meta"> & { readonly data: D };

/** A page of the log, as it answers a question. */
export interface HistoryFrame {
  readonly type: "history";
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  readonly events: readonly EventFrame[];
  readonly id?: string | number;
}

/** The frames that are not events, as far as this client acts on them. */
export type ControlFrame =
  | Extract<ServerFrame, { type: "welcome" | "authenticated" | "subscribed" | "unsubscribed" | "presence" | "pong" | "error" }>
  | HistoryFrame
  | { readonly type: "position"; readonly channel: string; readonly offset: number }
  | { readonly type: "token_expiring"; readonly expires_at: string };

export type Frame = { readonly kind: "event"; readonly frame: EventFrame } | { readonly kind: "control"; readonly frame: ControlFrame };

type Fields = Readonly<Record<string, unknown>>;

/** Undefined when the text is not what an edge sends. */
export function readFrames(text: unknown): readonly Frame[] | undefined {
  const message = typeof text === "string" ? parse(text) : undefined;
  if (!isFields(message)) return undefined;
  const frames = message["type"] === "batch" && Array.isArray(message["frames"]) ? (message["frames"] as unknown[]) : [message];
  return frames.flatMap((frame) => (isFields(frame) ? (readFrame(frame) ?? []) : []));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The fields without which a control frame says nothing. */
const controlFields: Readonly<Record<ControlFrame["type"], (frame: Fields) => boolean>> = {
  welcome: (frame) => typeof frame["connection_id"] === "string",
  authenticated: (frame) => typeof frame["expires_at"] === "string",
  token_expiring: (frame) => typeof frame["expires_at"] === "string",
  subscribed: (frame) => typeof frame["channel"] === "string" && typeof frame["epoch"] === "string" && isOffset(frame["offset"]),
  unsubscribed: (frame) => typeof frame["channel"] === "string" && typeof frame["code"] === "number",
  position: (frame) => typeof frame["channel"] === "string" && isOffset(frame["offset"]),
  presence: ({ channel, members, clients, users }) =>
    typeof channel === "string" && Array.isArray(members) && members.every(isMember) && isOffset(clients) && isOffset(users),
  history: ({ channel, epoch, offset, events }) =>
    typeof channel === "string" &&
    typeof epoch === "string" &&
    isOffset(offset) &&
    Array.isArray(events) &&
    events.every((event) => isFields(event) && isEvent(event)),
  pong: () => true,
  error: (frame) => typeof frame["code"] === "string",
};

function readFrame(frame: Fields): Frame | undefined {
  const type = String(frame["type"]);
  if (isControlType(type)) return controlFields[type](frame) ? { kind: "control", frame: frame as unknown as ControlFrame } : undefined;
  return isEvent(frame) ? { kind: "event", frame: frame as unknown as EventFrame } : undefined;
}

function isControlType(type: string): type is ControlFrame["type"] {
  return Object.hasOwn(controlFields, type);
}

function isMember(member: unknown): boolean {
  return isFields(member) && typeof member["user"] === "string" && typeof member["client"] === "string";
}

function isEvent({ channel, epoch, offset, prev, id, data }: Fields): boolean {
  const hasNames = typeof channel === "string" && typeof epoch === "string" && typeof id === "string";
  return hasNames && isOffset(offset) && isOffset(prev) && isFields(data);
}

/** `data` with the BigInts and Dates that its `meta` tells of. Annotations that do not fit leave the plain JSON: the event itself is sound. */
export function revive(data: EventFrame["data"], meta: EventFrame["meta"]): EventFrame["data"] {
  if (meta === undefined) return data;
  try {
    const revived: unknown = deserialize({ json: data as never, meta: meta as never });
    return isFields(revived) ? revived : data;
  } catch {
    return data;
  }
}
