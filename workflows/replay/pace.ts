/** When a line is due and when the next batch may go. Pure. */

export interface Anchor {
  /** When the first line went out… */
  readonly wallMs: number;
  /** …and when it had been sequenced. */
  readonly at: number;
}

/** As far behind the first line as it was then, `factor` times as fast; at once where that is infinite. */
export function dueMs(at: number, { anchor, factor }: { readonly anchor: Anchor; readonly factor: number }): number {
  return anchor.wallMs + (at - anchor.at) / factor;
}

/** When as much may go again, after `sent` events went at `nowMs`. What was not used before is not saved up: a burst is a batch. */
export function nextFreeMs(
  { freeMs, nowMs, sent }: { readonly freeMs: number; readonly nowMs: number; readonly sent: number },
  perSecond: number,
): number {
  return Math.max(freeMs, nowMs) + (sent * 1_000) / perSecond;
}
