/** Which tag an answer has, by the address as clients know it: for operators who purge by path. */
import type { CacheTag } from "../../../schemas/cache.ts";
import { findProxyRoute } from "../../proxy/table.ts";
import { policies, policyOf } from "./policies.ts";

/** Undefined: nothing is cached there. */
export function tagOfPath(path: string): CacheTag | undefined {
  const backend = /^\/api\/proxy(\/.*)$/.exec(path)?.[1];
  if (backend !== undefined) {
    const found = findProxyRoute("GET", backend);
    return found.kind === "route" && found.route.cache !== undefined ? policyOf(found.route.cache).tag : undefined;
  }
  const kind = /^\/api\/(opportunities|executions|strategies)(?:\/[^/?#]+)?$/.exec(path)?.[1];
  return kind === undefined ? undefined : policies[kind as "opportunities" | "executions" | "strategies"].tag;
}
