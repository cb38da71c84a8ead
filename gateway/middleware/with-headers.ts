/** Sets headers on the answer a route has made, whatever made it. */
import type { Context } from "hono";

/** Hono's own `c.header` copies a finished answer once for each header; this copies it once, and only when it must. */
export function withHeaders(c: Context, headers: Readonly<Record<string, string>>): void {
  const { headers: sent } = c.res;
  try {
    for (const name in headers) setOrAppend(sent, name, headers[name] ?? "");
  } catch {
    // What came out of fetch(), an object's answer or an upgrade, has immutable headers. The copy keeps the web socket.
    const copy = new Response(c.res.body, c.res);
    for (const name in headers) setOrAppend(copy.headers, name, headers[name] ?? "");
    // Assigning over an answer would merge the old one's headers back in.
    c.res = undefined;
    c.res = copy;
  }
}

/** `vary` adds up: each concern names the headers its part of the answer depends on. */
function setOrAppend(headers: Headers, name: string, value: string): void {
  if (name !== "vary") return headers.set(name, value);
  const before = headers.get("vary");
  if (before === null) headers.set("vary", value);
  else if (!before.toLowerCase().split(/,\s*/).includes(value.toLowerCase())) headers.append("vary", value);
}
