/** Turns whatever a route throws into the error envelope of CONTRACT 1. Bugs and outages are logged and told as INTERNAL. */
import type { Context } from "hono";
import { ConfigError } from "../../platform/config.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logError } from "../../platform/log.ts";
import type { GatewayEnv } from "./request-id.ts";

export function renderError(error: Error, c: Context<GatewayEnv>): Response {
  const known = error instanceof AppError ? error : internal(error, c);
  const { code, message, details, status, retryAfterSeconds } = known;
  const headers: Record<string, string> = { "cache-control": "no-store", "content-type": "application/json; charset=utf-8" };
  if (retryAfterSeconds !== undefined) headers["retry-after"] = String(retryAfterSeconds);
  const body = {
    success: false,
    error: { code, message, ...(details === undefined ? {} : { details }) },
    timestamp: new Date().toISOString(),
    request_id: c.get("requestId"),
  };
  return new Response(JSON.stringify(body), { status, headers });
}

export function renderNotFound(c: Context<GatewayEnv>): Response {
  return renderError(new AppError("NOT_FOUND", "there is nothing at this address"), c);
}

/** For an address that exists, asked with a method it does not have. `allow` lists those it has. */
export function methodNotAllowed(allow: string): (c: Context<GatewayEnv>) => Response {
  return (c) => {
    const response = renderError(new AppError("INVALID_PARAMETERS", `use ${allow}`, { status: 405 }), c);
    response.headers.set("allow", allow);
    return response;
  };
}

function internal(error: Error, c: Context<GatewayEnv>): AppError {
  const { method, path } = c.req;
  // The path without its query: tokens in query strings never reach a log.
  logError("gateway.request.failed", { request_id: c.get("requestId"), method, path, reason: messageOf(error) });
  const message =
    error instanceof ConfigError ? "the edge is not configured: its log names the variables" : "something went wrong on our side";
  return new AppError("INTERNAL", message, { cause: error });
}
