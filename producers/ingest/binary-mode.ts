/** CloudEvents in binary mode (HTTP binding 1.0.2, 3.1): attributes are `ce-*` headers, the body is the data, `content-type` is its type. */
import type { Item } from "./item.ts";

const prefix = "ce-";
/** JSON, by the media types that say so. */
const jsonType = /^(?:application|text)\/(?:[a-z0-9.!#$&^_-]{1,100}\+)?json$/;

/** Structured and batch mode announce themselves by their media type, binary mode by its headers. */
export function isBinaryMode(headers: Headers): boolean {
  if (mediaTypeOf(headers).startsWith("application/cloudevents")) return false;
  return ["specversion", "id", "type", "source"].some((name) => headers.has(prefix + name));
}

/** An absent `content-type` means JSON (CloudEvents 1.0.2, datacontenttype). */
export function isJsonType(headers: Headers): boolean {
  const type = mediaTypeOf(headers);
  return type === "" || jsonType.test(type);
}

/** The event as structured mode would carry it. `data` is what the body holds; undefined when it is empty. */
export function readBinaryMode(headers: Headers, data: unknown): Item {
  const attributes: [string, unknown][] = [];
  for (const [header, value] of headers) {
    if (!header.startsWith(prefix)) continue;
    const name = header.slice(prefix.length);
    // Data has one place only, and its type is `content-type`.
    if (name === "data" || name === "datacontenttype") return { fault: `the header ${header} has no meaning in binary mode`, path: name };
    const decoded = decodeHeader(value);
    if (decoded === undefined) return { fault: `the header ${header} is not percent-encoded UTF-8`, path: name };
    attributes.push([name, decoded]);
  }
  const type = headers.get("content-type");
  return { value: Object.fromEntries([...attributes, ...(type === null ? [] : [["datacontenttype", type]]), ["data", data]]) };
}

/** Quotes around the value are taken off, then each run of `%XX` is decoded as UTF-8; a percent sign that begins none stands for itself, as
 *  SDKs send it that do not encode. Undefined when the bytes are no UTF-8. */
function decodeHeader(value: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value)?.[1];
  const text = quoted === undefined ? value : quoted.replaceAll(/\\(.)/g, "$1");
  try {
    return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => decodeURIComponent(run));
  } catch {
    return undefined;
  }
}

function mediaTypeOf(headers: Headers): string {
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase();
}
