/** What a browser is told of an asset, all by its name: its type, how long it may be kept, and what it may do. Pure. */

const hour = 3_600;
const day = 24 * hour;
const year = 365 * day;

interface TypePolicy {
  readonly type: string;
  readonly keepSeconds: number;
  /** `sandbox`: may hold scripts of its own, which must not run at this origin. `attachment`: is saved and not shown as well. */
  readonly risk?: "sandbox" | "attachment";
}

const text = (type: string, keepSeconds: number): TypePolicy => ({ type: `${type}; charset=utf-8`, keepSeconds });
/** What code reads may change with the code: an hour. What eyes see changes with the design: a day (the seed's "1 hour–1 day"). */
const policies: Readonly<Record<string, TypePolicy>> = {
  js: text("text/javascript", hour),
  mjs: text("text/javascript", hour),
  css: text("text/css", hour),
  json: text("application/json", hour),
  map: text("application/json", hour),
  webmanifest: text("application/manifest+json", hour),
  txt: text("text/plain", hour),
  md: text("text/markdown", hour),
  csv: text("text/csv", hour),
  wasm: { type: "application/wasm", keepSeconds: hour },
  ndjson: text("application/x-ndjson", hour),
  parquet: { type: "application/vnd.apache.parquet", keepSeconds: hour, risk: "attachment" },
  html: { ...text("text/html", hour), risk: "attachment" },
  xml: { ...text("application/xml", hour), risk: "attachment" },
  pdf: { type: "application/pdf", keepSeconds: day, risk: "attachment" },
  svg: { type: "image/svg+xml", keepSeconds: day, risk: "sandbox" },
  png: { type: "image/png", keepSeconds: day },
  jpg: { type: "image/jpeg", keepSeconds: day },
  jpeg: { type: "image/jpeg", keepSeconds: day },
  gif: { type: "image/gif", keepSeconds: day },
  webp: { type: "image/webp", keepSeconds: day },
  avif: { type: "image/avif", keepSeconds: day },
  ico: { type: "image/vnd.microsoft.icon", keepSeconds: day },
  woff: { type: "font/woff", keepSeconds: day },
  woff2: { type: "font/woff2", keepSeconds: day },
  ttf: { type: "font/ttf", keepSeconds: day },
  otf: { type: "font/otf", keepSeconds: day },
  mp3: { type: "audio/mpeg", keepSeconds: day },
  mp4: { type: "video/mp4", keepSeconds: day },
  webm: { type: "video/webm", keepSeconds: day },
};
/** Anything else might be anything: it is saved, never shown. */
const unknown: TypePolicy = { type: "application/octet-stream", keepSeconds: hour, risk: "attachment" };

/** Every type an asset may have, without parameters. */
export const assetTypes: readonly string[] = [...new Set([...Object.values(policies), unknown].map(({ type }) => type.replace(/;.*/, "")))];

/** `name.<hash>.ext`, the hash of its content in hex. Eight letters without a digit are rather a word. */
const hashedName = /\.(?=[a-f]*\d)[0-9a-f]{8,64}\.[a-z0-9]+$/;

/** Whether the name promises that its bytes never change. */
export function isHashedName(key: string): boolean {
  return hashedName.test(key);
}

/** Colos other than the one an operator wrote at notice within this time. */
const coloKeepSecondsMax = hour;

/** How long this colo keeps it. */
export function coloKeepSeconds(key: string): number {
  return isHashedName(key) ? day : Math.min(coloKeepSecondsMax, policyOf(key).keepSeconds);
}

/** The headers that follow from the name alone. */
export function headersOf(key: string): Record<string, string> {
  const { type, keepSeconds, risk } = policyOf(key);
  return {
    "content-type": type,
    "cache-control": isHashedName(key) ? `public, max-age=${year}, immutable` : `public, max-age=${keepSeconds}`,
    "x-content-type-options": "nosniff",
    // Pages of other origins show them: the frontend is one.
    "cross-origin-resource-policy": "cross-origin",
    ...(risk === undefined ? {} : { "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'" }),
    ...(risk === "attachment" ? { "content-disposition": "attachment" } : {}),
  };
}

function policyOf(key: string): TypePolicy {
  const extension = /\.([a-z0-9]+)$/i.exec(key)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(policies, extension) ? (policies[extension] ?? unknown) : unknown;
}
