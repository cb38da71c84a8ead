/** The answers of a batch's parts as one JSON text. Each part's own JSON is put in as it came: read and written anew, large numbers would change. */
import { AppError } from "../../platform/errors.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import type { Part } from "./plan.ts";

export interface PartAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or undefined when there is none. */
  readonly body: string | undefined;
}

/** What a client needs of each; the rest is the whole batch's. */
const shown = [
  "age",
  "cache-control",
  "cache-status",
  "content-type",
  "etag",
  "idempotency-replayed",
  "last-modified",
  "ratelimit",
  "retry-after",
  "x-request-id",
];

export function shownHeaders(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries(shown.flatMap((name) => (headers.get(name) === null ? [] : [[name, headers.get(name) ?? ""]])));
}

/** Text of another kind goes as a JSON string. */
export function jsonOf(text: string, contentType: string | null): string | undefined {
  if (text === "") return undefined;
  return /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType ?? "") && isJson(text) ? text : JSON.stringify(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** In the shape of every failure (CONTRACT 1), but for the times and ids that only a request has. */
export function failed(error: AppError): PartAnswer {
  const { code, message, status, details } = error;
  const body = { success: false, error: { code, message, ...(details === undefined ? {} : { details }) } };
  return { status, headers: { "content-type": "application/json; charset=utf-8" }, body: JSON.stringify(body) };
}

/** One part after the other until the whole is full: what does not fit any more is answered with its status and without its body. */
export function batchText(parts: readonly Part[], answers: readonly PartAnswer[], bytesMax: number): string {
  let left = bytesMax;
  const texts = parts.map((part, index) => {
    const answer = answers[index];
    if (answer === undefined) throw new Error("a part without an answer");
    const text = partText(part, answer);
    const bytes = utf8Bytes(text);
    if (bytes <= left) {
      left -= bytes;
      return text;
    }
    return partText(part, { ...answer, body: failed(tooLarge(bytesMax)).body });
  });
  return `{"success":true,"data":[${texts.join(",")}]}`;
}

export function tooLarge(bytesMax: number): AppError {
  return new AppError("CAPACITY_EXCEEDED", `the answer is left out, the batch would be larger than ${bytesMax} bytes: ask for it alone`);
}

function partText({ id }: Part, { status, headers, body }: PartAnswer): string {
  const head = JSON.stringify({ ...(id === undefined ? {} : { id }), status, headers });
  return body === undefined ? head : `${head.slice(0, -1)},"body":${body}}`;
}
