/** What a relay's refusal is as an HTTP answer, while the stream has not begun. Pure. */
import { AppError, httpStatusOf, type ErrorCode } from "../../platform/errors.ts";
import { closeCodes } from "../../schemas/socket.ts";

/** An `error` or `unsubscribed` frame. */
export function refusalOf(frame: string): AppError {
  const { code, message, path } = JSON.parse(frame) as { code?: unknown; message?: unknown; path?: unknown };
  const known = typeof code === "string" && Object.hasOwn(httpStatusOf, code) ? (code as ErrorCode) : "FORBIDDEN";
  const details = typeof path === "string" ? { details: { parameter: path.replace(/^filters\./, "") } } : {};
  return new AppError(known, typeof message === "string" ? message : "the channel refused the subscription", details);
}

/** The socket's close code. */
export function closedBefore(code: number): AppError {
  if (code === closeCodes.unauthorized || code === closeCodes.expired) return new AppError("UNAUTHORIZED", "the token does not hold");
  if (code === closeCodes.tooMany) return new AppError("RATE_LIMIT_EXCEEDED", "too many streams of one user", { retryAfterSeconds: 10 });
  if (code === closeCodes.forbidden) return new AppError("FORBIDDEN", "this token does not allow it");
  return new AppError("UPSTREAM_UNAVAILABLE", "the relay closed before it subscribed", { retryAfterSeconds: 1 });
}
