/** How an attempt at one origin fails, among the files of this folder; clients are told BackendError. */

/** Nothing left: the origin's breaker is open, or it has no connection free. */
export class NotSent extends Error {
  readonly reason: "open" | "capacity";
  /** When it may be worth while again. */
  readonly waitMs: number;

  constructor(reason: NotSent["reason"], waitMs: number) {
    super(reason === "open" ? "is not asked for the moment" : "has no connection free");
    this.name = "NotSent";
    this.reason = reason;
    this.waitMs = waitMs;
  }
}

export interface OriginFaultOptions {
  readonly kind: "timeout" | "unreachable" | "status";
  /** Whether another attempt may fare better. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

/** The origin's own fault: its breaker counts it. Whether the call took effect is not known. */
export class OriginFault extends Error {
  readonly kind: OriginFaultOptions["kind"];
  readonly retryable: boolean;

  constructor(reason: string, { kind, retryable, cause }: OriginFaultOptions) {
    super(reason, { cause });
    this.name = "OriginFault";
    this.kind = kind;
    this.retryable = retryable;
  }
}
