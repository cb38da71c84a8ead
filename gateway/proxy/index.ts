/** The backend as routes use it: `callBackend(env, call, context)` answers one call of the table, whichever origin serves it. Who may ask was
 *  decided before, and whoever caches stands before: this file asks, every time. */
import { configOf } from "../../platform/config.ts";
import { Backend } from "./backend.ts";
import type { BackendStatus, Deps } from "./backend.ts";
import type { BackendCall, CallContext } from "./call.ts";

export type { BackendCall, CallContext } from "./call.ts";
export type { BackendStatus, Deps } from "./backend.ts";

const platformDeps: Deps = { fetch: (url, init) => fetch(url, init), clock: Date.now, random: Math.random };

const known = new WeakMap<object, Backend>();

/** One per isolate: its connections, breakers and what it knows of each origin's health. */
export function backendOf(env: Env): Backend {
  const found = known.get(env) ?? new Backend(configOf(env).backend, platformDeps);
  known.set(env, found);
  return found;
}

/** A whole and unconditional answer that may be passed on as it is: headers chosen, body bounded in size and time. Throws BackendError, an AppError
 *  whose `sent` says whether the call may have arrived. */
export function callBackend(env: Env, call: BackendCall, context: CallContext): Promise<Response> {
  return backendOf(env).proxyTo(call, context);
}

/** What this isolate's calls came to. */
export function backendStatus(env: Env): BackendStatus {
  return backendOf(env).status();
}
