/** What goes wrong, as the application hears of it: the edge's own codes, and those of this client (docs/sdk.md). */
export class EdgeError extends Error {
  readonly code: string;
  /** The field at fault, where the edge names one. */
  readonly path: string | undefined;

  constructor(code: string, message: string, path?: string) {
    super(message);
    this.name = "EdgeError";
    this.code = code;
    this.path = path;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
