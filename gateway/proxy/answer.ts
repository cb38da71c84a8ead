/** What of the backend's answer goes on to the client. Its data does; its headers by a list; what it says when it refuses as a code and a
 *  sentence, in our own envelope: never a page of HTML, a stack trace, or a redirect. */
import { z } from "zod";
import type { ErrorCode } from "../../platform/errors.ts";
import { BackendError } from "./call.ts";
import type { ProxyRoute } from "./table.ts";

/** Whether it may be kept and by whom is for the cache to read; compression and CORS are our own. */
const passed = ["content-type", "cache-control", "expires", "age", "vary", "etag", "last-modified", "content-language"];

export function passedHeaders(headers: Headers): Headers {
  return new Headers(passed.flatMap((name): [string, string][] => (headers.get(name) === null ? [] : [[name, headers.get(name) ?? ""]])));
}

const json = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

export function isJson(headers: Headers): boolean {
  return json.test(headers.get("content-type") ?? "");
}

export type Verdict =
  | { readonly kind: "answer" }
  /** 4xx: its body says why. */
  | { readonly kind: "refusal" }
  /** Nothing a client can use. `retryable`: another attempt may fare better. */
  | { readonly kind: "fault"; readonly reason: string; readonly isOrigins: boolean; readonly retryable: boolean };

/** 502, 503 and 504 are what stands before the backend when the backend does not answer; 500 is the backend's own, and it would say it again. */
const passing = new Set([502, 503, 504]);

export function judgeAnswer({ status, headers }: Pick<Response, "status" | "headers">, bytesMax: number): Verdict {
  if (status >= 500) return { kind: "fault", reason: `answered ${status}`, isOrigins: true, retryable: passing.has(status) };
  if (status >= 300 && status < 400) return nonsense("answered with a redirect, which is not followed");
  if (status >= 400) return { kind: "refusal" };
  const announced = Number(headers.get("content-length") ?? 0);
  if (announced > bytesMax) return nonsense(`answered more than ${bytesMax} bytes`);
  if (status !== 204 && status !== 205 && !isJson(headers)) return nonsense("answered something that is not JSON");
  return { kind: "answer" };
}

function nonsense(reason: string): Verdict {
  return { kind: "fault", reason, isOrigins: false, retryable: false };
}

const sentenceCharsMax = 300;
const codeCharsMax = 64;

const Said = z.looseObject({ code: z.unknown().optional(), message: z.unknown().optional() });
const Refusal = Said.extend({ error: z.union([z.string(), Said]).optional() });

/** What it says for itself: the owner's services write `error` as text or as an object, or say it beside (UPSTREAM 1). */
export function saidIn(text: string | undefined): { readonly code?: string; readonly message?: string } {
  const parsed = Refusal.safeParse(parse(text ?? ""));
  if (!parsed.success) return {};
  const { error, message, code } = parsed.data;
  const inner = typeof error === "object" ? error : { code, message: error ?? message };
  const said = { code: lineOf(inner.code, codeCharsMax), message: lineOf(inner.message, sentenceCharsMax) };
  return { ...(said.code === undefined ? {} : { code: said.code }), ...(said.message === undefined ? {} : { message: said.message }) };
}

/** The first line: what follows it is where in somebody's code it happened. */
function lineOf(value: unknown, charsMax: number): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const [line = ""] = String(value)
    .trim()
    .split(/[\r\n]/);
  return line === "" ? undefined : line.slice(0, charsMax);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Refused {
  readonly route: Pick<ProxyRoute, "judgesCaller">;
  readonly status: number;
  /** Bounded, and only when it is JSON. */
  readonly text: string | undefined;
  readonly retryAfter: string | null;
}

const codes: Readonly<Record<number, ErrorCode>> = {
  400: "INVALID_PARAMETERS",
  404: "NOT_FOUND",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  422: "INVALID_PARAMETERS",
};

/** The edge's own credentials and its own allowance are nothing a client can mend, and no client may pay for them. */
export function refusalOf({ route, status, text, retryAfter }: Refused): BackendError {
  const said = saidIn(text);
  const details = { backend: { status, ...said } };
  const sent = "refused";
  if (status === 429) {
    const message = "the backend answers no more for the moment";
    return new BackendError("CAPACITY_EXCEEDED", message, { sent, details, retryAfterSeconds: secondsOf(retryAfter) });
  }
  const isForbidden = status === 401 || status === 403;
  if (isForbidden && route.judgesCaller !== true) {
    return new BackendError("UPSTREAM_UNAVAILABLE", "the backend does not let the edge in", {
      sent,
      status: 502,
      details: { backend: { status } },
    });
  }
  const message = said.message ?? `the backend answered ${status}`;
  if (isForbidden) return new BackendError(status === 401 ? "UNAUTHORIZED" : "FORBIDDEN", message, { sent, details });
  const code = codes[status];
  return new BackendError(code ?? "INVALID_PARAMETERS", message, { sent, details, status: code === undefined ? 400 : status });
}

const secondsMax = 300;

export function secondsOf(retryAfter: string | null): number {
  const seconds = /^\d{1,6}$/.test(retryAfter ?? "") ? Number(retryAfter) : 1;
  return Math.min(secondsMax, Math.max(1, seconds));
}
