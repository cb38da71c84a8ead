/** What the stand-in of the Cloudflare API speaks: calls as they are kept, answers as they are sent. */
import type { IncomingMessage } from "node:http";

export interface Call {
  readonly method: string;
  /** Below the account. */
  readonly path: string;
  readonly authorization: string;
  /** Parsed where it is JSON; the parts by name where it is a form. */
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
  readonly info?: Readonly<Record<string, unknown>>;
}

type Handler = (match: RegExpExecArray, call: Call, search: URLSearchParams) => Answer | Promise<Answer>;

export type Route = readonly [method: string, path: RegExp, handler: Handler];

export const notFound = (code: number, message: string): Answer => ({ status: 404, error: { code, message } });

/** One page of a list, as the API cuts it. */
export function pageOf(items: readonly unknown[], search: URLSearchParams): Answer {
  const [page, size] = [Number(search.get("page") ?? 1), Number(search.get("per_page") ?? 20)];
  const wanted = search.get("name");
  const named = wanted === null ? items : items.filter((item) => (item as { name?: string }).name === wanted);
  return {
    result: named.slice((page - 1) * size, page * size),
    info: { page, per_page: size, total_count: named.length, count: named.length },
  };
}

export function nameOf(body: unknown, field: string): string {
  const name = (body as Record<string, unknown>)[field];
  if (typeof name !== "string") throw new Error(`a body without ${field}`);
  return name;
}

/** A D1 query reads unless its SQL writes. */
export function changes({ method, path, body }: Call): boolean {
  if (method === "GET") return false;
  return (
    !path.endsWith("/query") ||
    (!/^\s*(SELECT|PRAGMA)/i.test((body as { sql?: string }).sql ?? "") && !/IF NOT EXISTS/i.test((body as { sql?: string }).sql ?? ""))
  );
}

export async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const type = request.headers["content-type"] ?? "";
  if (type.includes("multipart/form-data")) return formOf(bytes, type);
  if (bytes.length === 0) return undefined;
  const text = bytes.toString("utf8");
  // wrangler does not always say that it sends JSON.
  return /^[{[]/.test(text) ? JSON.parse(text) : text;
}

async function formOf(bytes: Buffer, type: string): Promise<Record<string, string>> {
  const form = await new Response(new Uint8Array(bytes), { headers: { "content-type": type } }).formData();
  const parts = [...form].map(async ([name, value]) => [name, typeof value === "string" ? value : await value.text()] as const);
  return Object.fromEntries(await Promise.all(parts));
}
