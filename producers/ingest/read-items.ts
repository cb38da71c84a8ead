/** From a request to its items: media type, size, number. What is inside each item is validate.ts's matter. */
import { AppError } from "../../platform/errors.ts";
import { bodyTimeoutMs, requestBytesMax, requestEventsMax } from "../../schemas/limits.ts";
import { isBinaryMode, isJsonType, readBinaryMode } from "./binary-mode.ts";
import type { Item } from "./item.ts";
import { parseLines } from "./ndjson.ts";
import { readChunks, readText } from "./read-body.ts";
import type { BodyLimits } from "./read-body.ts";

type Format = "json" | "lines";

const formats: Readonly<Record<string, Format>> = {
  "application/json": "json",
  "application/cloudevents+json": "json",
  "application/cloudevents-batch+json": "json",
  "application/x-ndjson": "lines",
};

export const ingestLimits: BodyLimits = { bytesMax: requestBytesMax, timeoutMs: bodyTimeoutMs };

/** Reads a request's events. Throws AppError: 400 malformed or empty, 408 slow, 413 too large or too many, 415 media type. */
export async function readItems(request: Request, limits: BodyLimits = ingestLimits): Promise<Item[]> {
  if (isBinaryMode(request.headers)) return [await readBinary(request, limits)];
  const format = formatOf(request.headers);
  const items = format === "lines" ? await readLines(request, limits) : parseJson(await readText(request, limits));
  if (items.length === 0) throw new AppError("INVALID_PARAMETERS", "the body holds no event");
  return items;
}

async function readLines(request: Request, limits: BodyLimits): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of parseLines(readChunks(request, limits))) {
    if (items.length === requestEventsMax) throw tooMany();
    items.push(item);
  }
  return items;
}

async function readBinary(request: Request, limits: BodyLimits): Promise<Item> {
  const { headers } = request;
  if (!isJsonType(headers)) throw unsupported("in CloudEvents binary mode the body must be JSON");
  requireUtf8(headers);
  const text = await readText(request, limits);
  return readBinaryMode(headers, text === "" ? undefined : parse(text));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", "the body is not valid JSON", { cause });
  }
}

function parseJson(text: string): Item[] {
  const json = parse(text);
  if (typeof json !== "object" || json === null)
    throw new AppError("INVALID_PARAMETERS", "the body must be one event or an array of events");
  const values: readonly unknown[] = Array.isArray(json) ? json : [json];
  if (values.length > requestEventsMax) throw tooMany();
  return values.map((value) => ({ value }));
}

/** Throws UNSUPPORTED_MEDIA_TYPE for anything but the formats above, in UTF-8. */
function formatOf(headers: Headers): Format {
  const [type = ""] = parametersOf(headers);
  const format = Object.hasOwn(formats, type) ? formats[type] : undefined;
  if (format === undefined) throw unsupported(`send one of ${Object.keys(formats).join(", ")}`);
  requireUtf8(headers);
  return format;
}

/** Throws UNSUPPORTED_MEDIA_TYPE for a charset that is another. */
export function requireUtf8(headers: Headers): void {
  const charset = parametersOf(headers).find((parameter) => parameter.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) throw unsupported("the charset must be UTF-8");
}

/** The media type, then its parameters. */
function parametersOf(headers: Headers): string[] {
  return (headers.get("content-type") ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
}

function unsupported(message: string): AppError {
  return new AppError("UNSUPPORTED_MEDIA_TYPE", message);
}

function tooMany(): AppError {
  return new AppError("PAYLOAD_TOO_LARGE", `a request holds at most ${requestEventsMax} events: send them in parts`);
}
