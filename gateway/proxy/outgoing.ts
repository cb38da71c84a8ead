/** What leaves for the backend: the address and the headers, both made here and not copied. Pure. */
import type { BackendConfig } from "../../platform/config.ts";
import type { BackendCall } from "./call.ts";

/** Of W3C Trace Context; anything else is not passed on. */
const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function traceparentOf(header: string | undefined): string | undefined {
  return header !== undefined && traceparent.test(header) ? header : undefined;
}

/** Throws when what is put together leads anywhere but to that path of that origin. The table lets no such path through: this is what a mistake in
 *  it would meet. */
export function addressOf(origin: string, prefix: string, { path, query }: Pick<BackendCall, "path" | "query">): string {
  const wanted = `${prefix}${path}`;
  const url = new URL(`${origin}${wanted}${query === "" ? "" : `?${query}`}`);
  const base = new URL(origin);
  const isThere = url.origin === base.origin && url.username === "" && url.password === "" && url.hash === "";
  if (!isThere || wanted.includes("//") || url.pathname !== `${base.pathname.replace(/\/$/, "")}${wanted}`)
    throw new Error("an address that leaves its prefix");
  return url.href;
}

type Told = Pick<BackendCall, "body" | "requestId" | "traceparent" | "idempotencyKey">;

/** All of them: nothing a client sends is passed on but what is named here. */
export function headersOf(call: Told, { token, apiKey }: Pick<BackendConfig, "token" | "apiKey">): Headers {
  const headers = new Headers({ accept: "application/json", "user-agent": "ArbitrageX-Edge", "x-request-id": call.requestId });
  if (token !== "") headers.set("authorization", `Bearer ${token}`);
  if (apiKey !== "") headers.set("x-api-key", apiKey);
  if (call.body !== undefined) headers.set("content-type", "application/json");
  if (call.traceparent !== undefined) headers.set("traceparent", call.traceparent);
  if (call.idempotencyKey !== undefined) headers.set("idempotency-key", call.idempotencyKey);
  return headers;
}
