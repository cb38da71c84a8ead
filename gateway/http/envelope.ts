/** The shape of every successful JSON answer (CONTRACT 1). Failures are thrown as AppError and rendered by the app. */

export interface Pagination {
  readonly limit: number;
  readonly has_next: boolean;
  /** Opaque; present exactly when has_next is true. */
  readonly cursor?: string;
}

export interface Success {
  readonly success: true;
  readonly data: unknown;
  readonly pagination?: Pagination;
}

export function success(data: unknown, pagination?: Pagination): Success {
  return pagination === undefined ? { success: true, data } : { success: true, data, pagination };
}

/** `cursor` is what the next page starts from, or undefined on the last one. */
export function pageOf(limit: number, cursor: string | undefined): Pagination {
  return cursor === undefined ? { limit, has_next: false } : { limit, has_next: true, cursor };
}
