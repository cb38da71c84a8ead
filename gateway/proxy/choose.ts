/** Which origin the next attempt goes to. Pure. */
import type { BreakerState } from "./breaker.ts";

/** `again` may be asked once more, `never` not within this call. */
export type Tried = "again" | "never";

export interface Candidate {
  readonly state: BreakerState;
  readonly tried: Tried | undefined;
}

/** In order of preference: one that works and was not tried; one that is due to be asked again, if the call may be what finds out; one that was tried
 *  and may do better. Undefined: none. */
export function choose(candidates: readonly Candidate[], mayProbe: boolean): number | undefined {
  const find = (is: (candidate: Candidate) => boolean): number | undefined => {
    const index = candidates.findIndex(is);
    return index === -1 ? undefined : index;
  };
  return (
    find(({ state, tried }) => tried === undefined && state === "closed") ??
    (mayProbe ? find(({ state, tried }) => tried === undefined && state === "ready") : undefined) ??
    find(({ state, tried }) => tried === "again" && state === "closed")
  );
}
