/** One call of the backend, and how it can fail. */
import { AppError } from "../../platform/errors.ts";
import type { AppErrorOptions, ErrorCode } from "../../platform/errors.ts";
import type { ProxyRoute } from "./table.ts";

export interface BackendCall {
  readonly route: ProxyRoute;
  /** Below the prefix, as the table's pattern let it through: "/strategies/7". */
  readonly path: string;
  /** Known parameters in one order, without the question mark. */
  readonly query: string;
  /** JSON as it is sent on. */
  readonly body?: string | undefined;
  readonly requestId: string;
  readonly traceparent?: string | undefined;
  /** Of an execution: the backend may have a memory of its own. */
  readonly idempotencyKey?: string | undefined;
}

export interface CallContext {
  /** Health checks go on after the answer. */
  waitUntil(work: Promise<unknown>): void;
}

/** Whether the backend has it: `no` for sure not, `maybe` nobody knows, `refused` it answered and did nothing. */
export type Sent = "no" | "maybe" | "refused";

export interface BackendErrorOptions extends AppErrorOptions {
  readonly sent: Sent;
}

export class BackendError extends AppError {
  readonly sent: Sent;

  constructor(code: ErrorCode, message: string, { sent, ...options }: BackendErrorOptions) {
    super(code, message, options);
    this.name = "BackendError";
    this.sent = sent;
  }
}
