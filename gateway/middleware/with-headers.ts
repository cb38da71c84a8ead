/** Sets headers on the answer a route has made, whatever made it. */
import type { Context } from "hono";

/** Hono's own `c.header` copies a finished answer once for each header; this copies it once, and only when it must. */
export function withHeaders(c: Context, headers: Readonly<Record<string, string>>): void {
  try {
    for (const [name, value] of Object.entries(headers)) setOrAppend(c.res.headers, name, value);
  } catch {
    // What came out of fetch(), an object's answer or an upgrade, has immutable headers. The copy keeps the web socket.
    const copy = new Response(c.res.body, c.res);
    for (const [name, value] of Object.entries(headers)) setOrAppend(copy.headers, name, value);
    // Assigning over an answer would merge the old one's headers back in.
    c.res = undefined;
    c.res = copy;
  }
}

/** `vary` adds up: each concern names the headers its part of the answer depends on. */
function setOrAppend(headers: Headers, name: string, value: string): void {
  if (name !== "vary") headers.set(name, value);
  else if (!(headers.get("vary") ?? "").toLowerCase().split(/,\s*/).includes(value.toLowerCase())) headers.append("vary", value);
}
