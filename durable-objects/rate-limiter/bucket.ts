/** One key's allowance, shared by isolates that hold some of its tokens. A leased token is taken out of the allowance, and while it is held
 *  nothing may grow back in its place: what is free and what is held are never more than the burst together, so the limit holds exactly
 *  whoever uses what and when. A lease that is not returned counts as used at its end. Pure. */
import type { Allowance } from "../../schemas/rate-limit.ts";
import { afterTaking, freeTokens, waitMs } from "./gcra.ts";

export interface HeldLease {
  readonly id: number;
  readonly tokens: number;
  readonly endsMs: number;
  /** Of the allowance by which it was taken: as much comes back, whatever the allowance is then. */
  readonly intervalMs: number;
}

export interface Bucket {
  readonly tatMs: number;
  /** In the order in which they end. */
  readonly leases: readonly HeldLease[];
}

export interface Ask {
  readonly need: number;
  readonly want: number;
  readonly returned?: { readonly lease: number; readonly unused: number } | undefined;
}

export interface Terms {
  readonly nowMs: number;
  readonly allowance: Allowance;
  readonly leaseMs: number;
  /** Names the lease, should one be given. */
  readonly leaseId: number;
}

export interface Taken {
  readonly bucket: Bucket;
  readonly granted: number;
  readonly lease: HeldLease | undefined;
  readonly remaining: number;
  readonly retryAfterMs: number;
}

export const emptyBucket: Bucket = { tatMs: 0, leases: [] };

/** Grants of `need` what is free, and of `want` no more than half of what is left then: others ask too. */
export function takeFrom(before: Bucket, ask: Ask, terms: Terms): Taken {
  const { nowMs, allowance, leaseMs, leaseId } = terms;
  const { intervalMs } = allowance;
  const settled = settle(before, ask, terms);
  const free = freeTokens(settled.tatMs, nowMs, allowance);
  const granted = Math.min(ask.need, free);
  const held = Math.min(ask.want, Math.floor((free - granted) / 2));
  const lease = held > 0 ? { id: leaseId, tokens: held, endsMs: nowMs + leaseMs, intervalMs } : undefined;
  const tatMs = granted + held > 0 ? afterTaking(settled.tatMs, nowMs, { tokens: granted + held, intervalMs }) : settled.tatMs;
  const bucket = { tatMs, leases: lease === undefined ? settled.leases : [...settled.leases, lease] };
  return { bucket, granted, lease, remaining: free - granted - held, retryAfterMs: waitMs(tatMs, nowMs, allowance) };
}

/** Whether nothing is owed or held: such a bucket is the same as none. */
export function isWhole({ tatMs, leases }: Bucket, nowMs: number): boolean {
  return tatMs <= nowMs && leases.every(({ endsMs }) => endsMs <= nowMs);
}

/** Brings the bucket to now: ended leases, what comes back, and nothing grown in the place of what is still held. */
function settle(before: Bucket, { returned }: Ask, { nowMs }: Terms): Bucket {
  let bucket = before;
  for (const { endsMs, id } of before.leases) {
    if (endsMs <= nowMs) bucket = endLease(bucket, { id, unused: 0, atMs: endsMs });
  }
  if (returned !== undefined) bucket = endLease(bucket, { id: returned.lease, unused: returned.unused, atMs: nowMs });
  return { ...bucket, tatMs: withoutGrowth(bucket, nowMs) };
}

function endLease(bucket: Bucket, end: { id: number; unused: number; atMs: number }): Bucket {
  const lease = bucket.leases.find(({ id }) => id === end.id);
  // Ended already, or given by a life of the object that is forgotten: nothing comes back.
  if (lease === undefined) return bucket;
  const unused = Math.min(Math.max(0, end.unused), lease.tokens);
  return {
    tatMs: withoutGrowth(bucket, end.atMs) - unused * lease.intervalMs,
    leases: bucket.leases.filter(({ id }) => id !== end.id),
  };
}

function withoutGrowth({ tatMs, leases }: Bucket, atMs: number): number {
  const heldMs = leases.reduce((sum, { tokens, intervalMs }) => sum + tokens * intervalMs, 0);
  return heldMs === 0 ? tatMs : Math.max(tatMs, atMs + heldMs);
}
