/** What is said on Contabo's socket (its docs/API.md): the greeting, the ping, and which incoming frames carry an event. Pure; what an
 *  event's `data` means is decided by producers/upstream. */
import { utf8Bytes } from "../../platform/bytes.ts";
import type { UpstreamFrame } from "../../schemas/upstream.ts";

export type Incoming =
  | { readonly kind: "event"; readonly frame: UpstreamFrame }
  | { readonly kind: "pong" }
  /** Asks us: answered with the same text behind another type. */
  | { readonly kind: "ping"; readonly answer: string }
  /** Greetings, confirmations, errors about one subscription. */
  | { readonly kind: "other" }
  /** The token is not taken. */
  | { readonly kind: "denied" }
  | { readonly kind: "unreadable"; readonly message: string };

/** An event is at most 60,000 bytes as rendered; a foreign dialect may say the same in a few times as many. */
export const frameBytesMax = 262_144;

const controlTypes = new Set([
  "welcome",
  "connected",
  "authenticated",
  "auth_success",
  "subscribed",
  "unsubscribed",
  "heartbeat",
  "ack",
  "error",
]);
const deniedTypes = new Set(["unauthorized", "auth_error", "auth_failed", "authentication_error", "authentication_failed"]);
const deniedCodes = new Set(["UNAUTHORIZED", "FORBIDDEN", "INVALID_TOKEN", "TOKEN_EXPIRED"]);

export function greeting(token: string, channels: readonly string[]): string[] {
  const subscriptions = channels.map((channel) => JSON.stringify({ type: "subscribe", channel }));
  return [JSON.stringify({ type: "authenticate", token }), ...subscriptions];
}

export function pingText(nowMs: number): string {
  return JSON.stringify({ type: "ping", timestamp: nowMs });
}

export function readFrame(message: unknown): Incoming {
  if (typeof message !== "string") return unreadable("a binary frame");
  // Three bytes a UTF-16 unit is the most there can be.
  if (message.length > frameBytesMax) return unreadable(`a frame of more than ${frameBytesMax} bytes`);
  const bytes = utf8Bytes(message);
  if (bytes > frameBytesMax) return unreadable(`a frame of more than ${frameBytesMax} bytes`);
  const body = parseObject(message);
  if (body === undefined) return unreadable("a frame that is no JSON object");
  const { type } = body;
  if (typeof type !== "string") return unreadable("a frame without a type");
  return classify(type, { type, body, bytes });
}

function classify(type: string, frame: UpstreamFrame): Incoming {
  if (type === "pong") return { kind: "pong" };
  if (type === "ping") return { kind: "ping", answer: JSON.stringify({ type: "pong", timestamp: frame.body["timestamp"] }) };
  if (deniedTypes.has(type) || (type === "error" && deniedCodes.has(errorCode(frame.body)))) return { kind: "denied" };
  return controlTypes.has(type) ? { kind: "other" } : { kind: "event", frame };
}

function errorCode(body: Readonly<Record<string, unknown>>): string {
  const places = [body, body["data"], body["error"]];
  const codes = places.map((place) => (typeof place === "object" && place !== null ? (place as { code?: unknown }).code : undefined));
  return String(codes.find((code) => typeof code === "string") ?? "");
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(message: string): Incoming {
  return { kind: "unreadable", message };
}
