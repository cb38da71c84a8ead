/** The SSE dialect (CONTRACT 5.5): turns native frames into blocks of an event stream and keeps the position that `id:` tells. Decides
 *  what a frame means for the stream; the socket, the clock and the reader are the gateway's. */
import { unsubscribeCodes } from "../../schemas/socket.ts";
import type { Position } from "../recovery.ts";

/** Where the reader stands, undefined until the first `subscribed`. */
export type SsePosition = Position | undefined;

export type SseStep =
  /** Text for the reader, and where it stands once it has read it. */
  | { readonly kind: "send"; readonly text: string; readonly position: SsePosition }
  /** Nothing a reader needs to know. */
  | { readonly kind: "skip" }
  /** The relay lost continuity: subscribe again from the reader's position. */
  | { readonly kind: "resubscribe" }
  /** The last words of the stream. */
  | { readonly kind: "end"; readonly text: string };

/** What a reader sends back to go on from: `<epoch>:<offset>`. Epochs have no colon. */
const lastEventId = /^([A-Za-z0-9_-]{1,64}):(\d{1,15})$/;

export function readLastEventId(text: string): SsePosition {
  const [, epoch, offset] = lastEventId.exec(text) ?? [];
  return epoch === undefined || offset === undefined ? undefined : { epoch, offset: Number(offset) };
}

export function renderEventId({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}

/** Readers come back after a second on average, spread, so that a restart does not bring all of them at once (REALTIME 3). */
export function renderRetry(random: number): string {
  return `retry: ${500 + Math.floor(random * 1_000)}\n\n`;
}

/** A comment: keeps proxies from taking a quiet stream for a dead one. No event comes of it. */
export const heartbeatText = ":\n\n";

/** What of a native frame decides; the rest goes through as text, untouched. */
interface NativeFrame {
  readonly type: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly code?: number | string;
}

/** Frames of the relay that answer nothing a reader of a stream has asked. */
const skipped = new Set(["welcome", "authenticated", "pong"]);

/** One native frame, as its text came. */
export function translate(text: string, position: SsePosition): SseStep {
  const frame = JSON.parse(text) as NativeFrame;
  if (skipped.has(frame.type)) return { kind: "skip" };
  if (frame.type === "unsubscribed" && Number(frame.code) >= unsubscribeCodes.insufficient) return { kind: "resubscribe" };
  if (frame.type === "unsubscribed" || frame.type === "error") return { kind: "end", text: renderNamed(frame.type, text) };
  if (frame.type === "position") return advance(frame, position);
  return block(frame, text, position);
}

/** An id alone: the position moves on, no event is dispatched (WHATWG HTML, 9.2.6). */
function advance({ offset }: NativeFrame, position: SsePosition): SseStep {
  if (position === undefined || offset === undefined) return { kind: "skip" };
  const next = { epoch: position.epoch, offset };
  return { kind: "send", text: `id: ${renderEventId(next)}\n\n`, position: next };
}

/** `subscribed` and events carry a position; what has none, such as `token_expiring`, leaves the reader where it stands. */
function block({ type, epoch, offset }: NativeFrame, text: string, position: SsePosition): SseStep {
  if (epoch === undefined || offset === undefined) return { kind: "send", text: renderNamed(type, text), position };
  const next = { epoch, offset };
  return { kind: "send", text: `id: ${renderEventId(next)}\n${renderNamed(type, text)}`, position: next };
}

/** The socket behind the stream was closed: said as an event, because a stream has no close code. */
export function renderClosed(code: number, reason: string): string {
  return renderNamed("closed", JSON.stringify({ type: "closed", code, reason }));
}

function renderNamed(type: string, text: string): string {
  // Rendered frames hold no line breaks; if one ever did, the reader would still get it whole.
  const data = /[\r\n]/.test(text) ? text.split(/\r\n|\r|\n/).join("\ndata: ") : text;
  return `event: ${type}\ndata: ${data}\n\n`;
}
