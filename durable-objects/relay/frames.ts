/** Reads what a client sends: bounds, JSON, schema, and what a subscribe frame asks for. Pure; the answers are the session's. */
import type { z } from "zod";
import { parseFilters, type Filters } from "../../channels/filter.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { AppError } from "../../platform/errors.ts";
import { idCharsMax, socketFrameBytesMax } from "../../schemas/limits.ts";
import { ClientFrame, type RequestId, type SubscribeFrame } from "../../schemas/socket.ts";
import type { Start } from "./subscribe.ts";

export interface Refusal {
  readonly code: string;
  readonly message: string;
  /** Dotted path of the offending field. */
  readonly path?: string | undefined;
  readonly id?: RequestId | undefined;
}

export type ReadFrame = { readonly ok: true; readonly frame: ClientFrame } | { readonly ok: false; readonly refusal: Refusal };

const notJson: Refusal = { code: "INVALID_PARAMETERS", message: "a frame is a JSON object, sent as text" };

export function readFrame(raw: string | ArrayBuffer): ReadFrame {
  const json = parseJson(raw);
  return json === undefined ? { ok: false, refusal: notJson } : validateFrame(json);
}

export function validateFrame(json: unknown): ReadFrame {
  const parsed = ClientFrame.safeParse(json);
  return parsed.success ? { ok: true, frame: parsed.data } : { ok: false, refusal: faultOf(parsed.error, idOf(json)) };
}

export function isTooBig(raw: string | ArrayBuffer): boolean {
  if (typeof raw !== "string") return raw.byteLength > socketFrameBytesMax;
  // A UTF-16 unit takes one to three bytes: most frames need not be encoded to know.
  if (raw.length > socketFrameBytesMax) return true;
  return raw.length * 3 > socketFrameBytesMax && utf8Bytes(raw) > socketFrameBytesMax;
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

/** What is told of an error. Unexpected ones come from the hub being out of reach; their text is ours alone. */
export function refusalOf(error: unknown, id: RequestId | undefined): Refusal {
  if (!(error instanceof AppError)) return { code: "UPSTREAM_UNAVAILABLE", message: "the channel is out of reach, try again shortly", id };
  return { code: error.code, message: error.message, path: typeof error.details === "string" ? error.details : undefined, id };
}

export function readFilters(frame: SubscribeFrame): Filters {
  const parsed = parseFilters(frame.filters ?? {});
  if (!parsed.ok) throw new AppError("INVALID_PARAMETERS", parsed.message, { details: parsed.path });
  return parsed.filters;
}

export function readStart({ offset, epoch, rewind }: SubscribeFrame): Start {
  if (offset !== undefined) {
    // An offset counts within one epoch only: without it, the wrong events would pass for the missed ones.
    if (epoch === undefined) throw new AppError("INVALID_PARAMETERS", "an offset needs its epoch", { details: "epoch" });
    return { kind: "position", position: { epoch, offset } };
  }
  if (typeof rewind === "number") return { kind: "rewind", events: rewind };
  if (rewind === undefined) return { kind: "live" };
  return { kind: "rewind", ms: Number(rewind.slice(0, -1)) * (rewind.endsWith("m") ? 60_000 : 1_000) };
}
