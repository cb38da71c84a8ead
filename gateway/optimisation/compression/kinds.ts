/** Which content types shrink, and how their bodies are read. What is not listed goes as it is: images, archives and anything else that is
 *  compressed in itself, and text/event-stream, whose readers no proxy may make wait. */

/** `document`: half of it serves nobody, so it is compressed for size. `lines`: each line is of use by itself, so what has come is sent at once. */
export type Kind = "document" | "lines";

const kinds: Readonly<Record<string, Kind>> = {
  "application/json": "document",
  "application/x-ndjson": "lines",
  "application/xml": "document",
  "application/javascript": "document",
  "application/wasm": "document",
  "application/openmetrics-text": "document",
  "text/html": "document",
  // Prometheus' text among it.
  "text/plain": "document",
  "text/css": "document",
  "text/csv": "document",
  "text/javascript": "document",
  "text/markdown": "document",
  "text/xml": "document",
  "image/svg+xml": "document",
  // Unlike woff and woff2 these are not compressed in themselves.
  "font/ttf": "document",
  "font/otf": "document",
};

/** Undefined for what is not to be compressed. */
export function kindOf(contentType: string | null): Kind | undefined {
  if (contentType === null) return undefined;
  const [name = ""] = contentType.split(";", 1);
  const type = name.trim().toLowerCase();
  if (Object.hasOwn(kinds, type)) return kinds[type];
  return type.endsWith("+json") || type.endsWith("+xml") ? "document" : undefined;
}
