/** What ends a command before its time, and how it is told: one line on stderr, or one object with --json. */
import { exitCodes, type ExitCode } from "./exit-codes.ts";

export interface CliErrorOptions {
  /** The server's code, or this program's own. */
  readonly code?: string;
  /** The field at fault. */
  readonly path?: string | undefined;
  readonly requestId?: string | undefined;
  /** What to do about it: a second line. */
  readonly advice?: string | undefined;
  /** Whether the same question may be answered a moment later. */
  readonly passing?: boolean;
  readonly cause?: unknown;
}

export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly path: string | undefined;
  readonly requestId: string | undefined;
  readonly advice: string | undefined;
  readonly passing: boolean;

  constructor(exit: keyof typeof exitCodes, message: string, options: CliErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.exitCode = exitCodes[exit];
    this.code = options.code ?? exit.replace(/[A-Z]/g, "_$&").toUpperCase();
    this.path = options.path;
    this.requestId = options.requestId;
    this.advice = options.advice;
    this.passing = options.passing ?? false;
  }
}

/** Why the signal of a command was aborted. */
export class Interrupted extends CliError {
  constructor() {
    super("interrupted", "interrupted");
  }
}

/** Whoever read our output has read enough (`| head`): not a failure. */
export class PipeClosed extends CliError {
  constructor() {
    super("ok", "the reader of the output is gone");
  }
}

export function renderError({ code, message, path, requestId, advice }: CliError): string {
  const field = path === undefined ? "" : ` [${path}]`;
  const request = requestId === undefined ? "" : ` (request ${requestId})`;
  return `arbx: ${code}${field}: ${message}${request}\n${advice === undefined ? "" : `      ${advice}\n`}`;
}

export function renderErrorJson({ code, message, path, requestId, advice, exitCode }: CliError): string {
  return `${JSON.stringify({ error: { code, message, path, request_id: requestId, advice, exit_code: exitCode } })}\n`;
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says "fetch failed"; why is in its cause.
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === "" ? ((cause as NodeJS.ErrnoException).code ?? error.message) : cause.message;
}
