/** From a request to its items: media type, size, number. What is inside each item is validate.ts's matter. */
import { AppError } from "../../platform/errors.ts";
import { bodyTimeoutMs, requestBytesMax, requestEventsMax } from "../../schemas/limits.ts";
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

function parseJson(text: string): Item[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", "the body is not valid JSON", { cause });
  }
  if (typeof json !== "object" || json === null)
    throw new AppError("INVALID_PARAMETERS", "the body must be one event or an array of events");
  const values: readonly unknown[] = Array.isArray(json) ? json : [json];
  if (values.length > requestEventsMax) throw tooMany();
  return values.map((value) => ({ value }));
}

/** Throws UNSUPPORTED_MEDIA_TYPE for anything but the formats above, in UTF-8 and uncompressed. */
function formatOf(headers: Headers): Format {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const format = Object.hasOwn(formats, type) ? formats[type] : undefined;
  if (format === undefined) throw unsupported(`send one of ${Object.keys(formats).join(", ")}`);
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) throw unsupported("the charset must be UTF-8");
  if ((headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") throw unsupported("send the body uncompressed");
  return format;
}

function unsupported(message: string): AppError {
  return new AppError("UNSUPPORTED_MEDIA_TYPE", message);
}

function tooMany(): AppError {
  return new AppError("PAYLOAD_TOO_LARGE", `a request holds at most ${requestEventsMax} events: send them in parts`);
}
