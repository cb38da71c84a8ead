/** The one error type that crosses layers, its stable codes, and the one table that maps them to HTTP (CONTRACT 1). */

export const httpStatusOf = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  INVALID_PARAMETERS: 400,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMIT_EXCEEDED: 429,
  CONFLICT: 409,
  UPSTREAM_UNAVAILABLE: 503,
  UPSTREAM_TIMEOUT: 504,
  CAPACITY_EXCEEDED: 503,
  INTERNAL: 500,
} as const;

export type ErrorCode = keyof typeof httpStatusOf;

export interface AppErrorOptions {
  /** Overrides the code's usual HTTP status, e.g. 422 for a batch in which every event is bad. */
  readonly status?: number;
  readonly details?: unknown;
  /** Sent as `Retry-After`, whole seconds. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: unknown;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.status = options.status ?? httpStatusOf[code];
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Message of anything thrown, for logs; never sent to a client. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
