/** What kind of work a request asks for: it decides which limits count and how large a body may be. Pure. */

export type RouteClass =
  /** Posts events: has a quota of events of its own (producers/quota). */
  | "ingest"
  /** Opens a socket or an event stream: handshakes have an allowance of their own (handshakes.ts). */
  | "socket"
  /** Makes tokens: refused when nobody can count. */
  | "mint"
  | "ops"
  | "assets"
  | "write"
  | "read";

const ingestPaths = new Set(["/api/events", "/api/webhook/contabo"]);
const mintPaths = new Set(["/security/token", "/security/refresh"]);
const socketPrefixes = ["/ws/", "/sse/", "/parties/", "/connection/"];
const reading = new Set(["GET", "HEAD", "OPTIONS"]);

export function classOf(method: string, path: string): RouteClass {
  if (ingestPaths.has(path)) return "ingest";
  if (mintPaths.has(path)) return "mint";
  if (path === "/ws" || socketPrefixes.some((prefix) => path.startsWith(prefix))) return "socket";
  if (path.startsWith("/ops/")) return "ops";
  if (path.startsWith("/assets/")) return "assets";
  return reading.has(method) ? "read" : "write";
}
