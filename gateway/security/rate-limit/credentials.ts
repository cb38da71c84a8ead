/** Where a credential that does not hold is refused whoever shows it: there it is refused before anybody is asked how often its sender came. All
 *  other addresses look at none, or at another kind, or say first that there is nothing. Pure. */
import { findProxyRoute } from "../../proxy/table.ts";

const proxyPrefix = "/api/proxy";
const entities = /^\/api\/(?:opportunities|executions|strategies)(?:\/[^/]+)?$/;

/** `cached`: its answers say what the cache did. Undefined: the route decides. */
export type Needed = "cached" | "uncached" | undefined;

export function neededAt(method: string, path: string): Needed {
  if (path.startsWith("/ops/")) return "uncached";
  if (path.startsWith(`${proxyPrefix}/`)) return neededByBackend(method, path.slice(proxyPrefix.length));
  const isRead = method === "GET" || method === "HEAD";
  return isRead && entities.test(path) ? "cached" : undefined;
}

function neededByBackend(method: string, path: string): Needed {
  const found = findProxyRoute(method, path);
  if (found.kind !== "route" || found.route.access.kind === "anyone") return undefined;
  return found.route.method === "GET" ? "cached" : "uncached";
}
