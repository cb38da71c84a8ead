/** GCRA, the generic cell rate algorithm: the whole state of an allowance is one number, the time at which all that was taken would have
 *  come at the steady rate (`tat`, theoretical arrival time). A quiet allowance has its `tat` in the past and needs no state. Pure. */
import type { Allowance } from "../../schemas/rate-limit.ts";

/** Times are counted from here: a double holds epoch milliseconds to 0.0002 only, and hundreds of such errors would be a token. */
export const originMs = Date.UTC(2026, 0, 1);
/** What is left of them must not cost a token. */
const roundingTokens = 1e-3;

/** Whole tokens that may be taken now. */
export function freeTokens(tatMs: number, nowMs: number, { intervalMs, burst }: Allowance): number {
  const owed = Math.max(0, tatMs - nowMs) / intervalMs;
  return Math.max(0, Math.floor(burst - owed + roundingTokens));
}

/** The state after `tokens` are taken. Whether they are free is the caller's to ask first. */
export function afterTaking(tatMs: number, nowMs: number, { tokens, intervalMs }: { tokens: number; intervalMs: number }): number {
  return Math.max(tatMs, nowMs) + tokens * intervalMs;
}

/** How long until a token is free; 0 when one is. */
export function waitMs(tatMs: number, nowMs: number, allowance: Allowance): number {
  if (freeTokens(tatMs, nowMs, allowance) > 0) return 0;
  return Math.max(0, Math.ceil(tatMs - nowMs - (allowance.burst - 1) * allowance.intervalMs));
}
