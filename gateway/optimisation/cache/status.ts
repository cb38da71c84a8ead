/** What the cache did with a request, as it tells the client: Cache-Status (RFC 9211) and Age. Pure. */

/** Why an answer came from the origin. */
export type Forward = "bypass" | "method" | "uri-miss" | "vary-miss" | "stale";

export type Outcome =
  | { readonly kind: "hit"; readonly tier: string; readonly ttlSeconds: number; readonly ageSeconds: number }
  | {
      readonly kind: "forward";
      readonly why: Forward;
      /** Of the origin, where the client gets another one: a stored answer in place of a failure. */
      readonly originStatus?: number | undefined;
      readonly isStored?: boolean;
      /** With a request for the same that was on its way. */
      readonly isCollapsed?: boolean;
      readonly ttlSeconds?: number;
      readonly ageSeconds: number;
      readonly detail?: string;
    };

const cacheName = "ArbitrageX-Edge";

export function statusHeaders(outcome: Outcome): { readonly "cache-status": string; readonly age: string } {
  return { "cache-status": [cacheName, ...parametersOf(outcome)].join("; "), age: String(outcome.ageSeconds) };
}

function parametersOf(outcome: Outcome): string[] {
  if (outcome.kind === "hit") return ["hit", `ttl=${outcome.ttlSeconds}`, `detail=${outcome.tier}`];
  const { why, originStatus, isStored = false, isCollapsed = false, ttlSeconds, detail } = outcome;
  return [
    `fwd=${why}`,
    ...(originStatus === undefined ? [] : [`fwd-status=${originStatus}`]),
    ...(isStored ? ["stored"] : []),
    ...(isCollapsed ? ["collapsed"] : []),
    ...(ttlSeconds === undefined ? [] : [`ttl=${ttlSeconds}`]),
    ...(detail === undefined ? [] : [`detail=${detail}`]),
  ];
}
