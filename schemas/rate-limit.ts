/** What the Worker and a RateLimiter object say to each other. Trusted callers, so types only; shapes carry `v` and change additively. */

/** A steady rate and what may come at once: one token each `intervalMs`, at most `burst` of them saved up. */
export interface Allowance {
  readonly intervalMs: number;
  readonly burst: number;
}

export interface TakeRequest {
  readonly v: 1;
  /** Names whose allowance it is: a hash, so that no address and no name is stored. */
  readonly key: string;
  readonly allowance: Allowance;
  /** Tokens that are used at once. */
  readonly need: number;
  /** Tokens the caller would like to hold for what comes next. */
  readonly want: number;
  /** What the caller held and did not use of an earlier lease. */
  readonly returned?: { readonly lease: number; readonly unused: number };
}

export interface Lease {
  readonly id: number;
  readonly tokens: number;
  /** Good for this long after the request was sent, by the caller's own clock. */
  readonly ttlMs: number;
}

export interface TakeReply {
  readonly v: 1;
  /** Of `need`: the first so many may go on. */
  readonly granted: number;
  readonly lease?: Lease;
  /** Tokens left for everybody, leases apart. */
  readonly remaining: number;
  /** When the allowance is whole again, if nobody takes any more. */
  readonly fullAfterMs: number;
  /** When the next token comes; 0 while there are some. */
  readonly retryAfterMs: number;
}

export interface RateLimiterRpc {
  take(request: TakeRequest): Promise<TakeReply>;
}
