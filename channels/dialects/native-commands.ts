/** Reads native client frames (CONTRACT 5.1) as commands of the core: JSON, schema, filters and where a subscription starts. */
import type { z } from "zod";
import { idCharsMax } from "../../schemas/limits.ts";
import { ClientFrame, type HistoryFrame, type RequestId, type SubscribeFrame } from "../../schemas/socket.ts";
import { parseFilters } from "../filter.ts";
import type { HistoryCommand, Incoming, Refusal, Start } from "./dialect.ts";

const notJson: Refusal = { code: "INVALID_PARAMETERS", message: "a frame is a JSON object, sent as text" };

export function readNative(raw: string | ArrayBuffer): Incoming {
  const json = parseJson(raw);
  return json === undefined ? { kind: "refused", refusal: notJson } : readNativeJson(json);
}

export function readNativeJson(json: unknown): Incoming {
  const parsed = ClientFrame.safeParse(json);
  return parsed.success ? incomingOf(parsed.data) : { kind: "refused", refusal: faultOf(parsed.error, idOf(json)) };
}

function incomingOf(frame: ClientFrame): Incoming {
  switch (frame.type) {
    case "authenticate":
      return { kind: "command", command: { kind: "authenticate", token: frame.token, id: frame.id } };
    case "subscribe":
      return subscribeOf(frame);
    case "unsubscribe":
      return { kind: "command", command: { kind: "unsubscribe", channel: frame.channel, id: frame.id } };
    case "history":
      return { kind: "command", command: historyOf(frame) };
    case "presence":
      return { kind: "command", command: { kind: "presence", channel: frame.channel, counts: false, id: frame.id } };
    case "ping":
      return { kind: "command", command: { kind: "ping", timestamp: frame.timestamp } };
    case "ack":
      return { kind: "ack", channel: frame.channel, offset: frame.offset };
  }
}

function subscribeOf(frame: SubscribeFrame): Incoming {
  const { channel, id, offset, epoch } = frame;
  const parsed = parseFilters(frame.filters ?? {});
  if (!parsed.ok) return refused({ code: "INVALID_PARAMETERS", message: parsed.message, path: parsed.path, id });
  // An offset counts within one epoch only: without it, the wrong events would pass for the missed ones.
  if (offset !== undefined && offset > 0 && epoch === undefined) {
    return refused({ code: "INVALID_PARAMETERS", message: "an offset above 0 needs its epoch", path: "epoch", id });
  }
  const wishes = { watch: frame.presence === true, ack: frame.ack === true };
  return { kind: "command", command: { kind: "subscribe", channel, id, filters: parsed.filters, start: startOf(frame), ...wishes } };
}

function refused(refusal: Refusal): Incoming {
  return { kind: "refused", refusal };
}

function startOf({ offset, epoch, rewind }: SubscribeFrame): Start {
  if (offset !== undefined) return { kind: "position", position: { epoch, offset } };
  if (typeof rewind === "number") return { kind: "rewind", events: rewind };
  if (rewind === undefined) return { kind: "live" };
  return { kind: "rewind", ms: Number(rewind.slice(0, -1)) * (rewind.endsWith("m") ? 60_000 : 1_000) };
}

function historyOf({ channel, id, since, epoch, limit, reverse }: HistoryFrame): HistoryCommand {
  return { kind: "history", channel, id, limit, reverse, ...(since === undefined ? {} : { since: { epoch, offset: since } }) };
}

function parseJson(raw: string | ArrayBuffer): unknown {
  if (typeof raw !== "string") return undefined;
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

/** The client's name for its request, even when the rest of the frame is not valid. */
function idOf(json: unknown): RequestId | undefined {
  const id = typeof json === "object" && json !== null && "id" in json ? json.id : undefined;
  return typeof id === "number" || (typeof id === "string" && id.length <= idCharsMax) ? id : undefined;
}

function faultOf(error: z.ZodError, id: RequestId | undefined): Refusal {
  const [issue] = error.issues;
  return { code: "INVALID_PARAMETERS", message: issue?.message ?? "invalid frame", path: issue?.path.join("."), id };
}
