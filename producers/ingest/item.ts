/** What a body holds before anything is known about it: a JSON value, or what stood where one should have been. */
export type Item = { readonly value: unknown } | { readonly fault: string; readonly path?: string };

/** An event that did not get in, by its index among the request's events. */
export interface RejectedItem {
  readonly index: number;
  readonly id?: string;
  readonly code: "INVALID_PARAMETERS" | "PAYLOAD_TOO_LARGE";
  readonly message: string;
  /** Dotted path of the offending field, e.g. `data.risk_score`. */
  readonly path?: string;
}
