/** What may happen only once, for each Idempotency-Key of each user: claimed before it is sent, sent once, and answered from memory ever after.
 *  When nobody knows whether it happened, that is the answer, to whoever repeats it as well: it is never sent again to find out. */
import pRetry from "p-retry";
import { sha256Hex } from "../../platform/bytes.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logInfo, logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { ExecutionOutcome } from "../../schemas/execution-outcome.ts";
import { executionOpenMs, idempotencyKeptMs, idempotencyStoreMs } from "../../schemas/limits-proxy.ts";
import type { Claim, Claimed, Mine } from "../../stores/executions-once.ts";
import { ask } from "../http/ask.ts";
import type { Reader } from "../security/reader.ts";
import { BackendError } from "./call.ts";

export interface OnceDeps {
  claim(claim: Claim): Promise<Claimed>;
  settle(mine: Mine, outcome: ExecutionOutcome): Promise<void>;
  release(mine: Mine): Promise<void>;
  /** Whoever gives up waiting does not stop what was sent. */
  waitUntil(work: Promise<unknown>): void;
  clock(): number;
}

export interface Once {
  /** Whose key it is, as ownerOf names it. */
  readonly owner: string;
  readonly key: string;
  /** All that decides what happens. */
  readonly what: readonly string[];
  /** Sends it. `keyHash` names key and owner to the backend, whose clients are all of ours. */
  send(keyHash: string): Promise<Response>;
}

const keyPattern = /^[\x21-\x7e]{1,128}$/;

/** Throws INVALID_PARAMETERS. */
export function keyOf(header: string | undefined): string {
  if (header !== undefined && keyPattern.test(header)) return header;
  const message = "Idempotency-Key: send one of 1 to 128 visible characters, the same for every repeat, so that it is executed once";
  throw new AppError("INVALID_PARAMETERS", message, { details: { parameter: "Idempotency-Key" } });
}

/** Throws FORBIDDEN for a token that names nobody: its keys could be anybody's. */
export function ownerOf(reader: Reader): string {
  if (reader.kind === "operator") return "operator";
  const { sub, jti } = reader.kind === "client" ? reader.claims : {};
  if (sub !== undefined) return `user:${sub}`;
  if (jti !== undefined) return `token:${jti}`;
  throw new AppError("FORBIDDEN", "this token does not name its user (sub)");
}

export async function happenOnce(once: Once, deps: OnceDeps): Promise<Response> {
  const mine: Mine = { keyHash: sha256Hex(JSON.stringify([once.owner, once.key])), attempt: crypto.randomUUID() };
  const fingerprint = sha256Hex(JSON.stringify(once.what));
  const claimed = await claim(mine, fingerprint, deps);
  if (claimed.kind === "repeat") return answerRepeat(claimed, fingerprint, deps.clock());
  const sent = sendAndSettle(once, mine, deps);
  deps.waitUntil(sent.catch(() => undefined));
  return told(await sent, {});
}

async function claim(mine: Mine, fingerprint: string, deps: OnceDeps): Promise<Claimed> {
  const nowMs = deps.clock();
  const times = { nowMs, openUntilMs: nowMs + executionOpenMs, forgetBeforeMs: nowMs - idempotencyKeptMs };
  const work = deps.claim({ ...mine, fingerprint, ...times });
  try {
    return await ask(work, { what: "the memory of executions, without which nothing is sent,", timeoutMs: idempotencyStoreMs });
  } catch (error) {
    // It may have been written all the same.
    const ended = work.catch(() => undefined);
    deps.waitUntil(ended.then(() => deps.release(mine)).catch(() => undefined));
    throw error;
  }
}

type Repeat = Extract<Claimed, { kind: "repeat" }>;

function answerRepeat(repeat: Repeat, fingerprint: string, nowMs: number): Response {
  if (repeat.fingerprint !== fingerprint) {
    const details = { parameter: "Idempotency-Key" };
    throw new AppError("INVALID_PARAMETERS", "Idempotency-Key: was used for another execution", { status: 422, details });
  }
  if (repeat.outcome !== undefined) return told(repeat.outcome, { isRepeat: true });
  if (nowMs < repeat.openUntilMs) {
    throw new AppError("CONFLICT", "this execution is on its way: ask again", { retryAfterSeconds: 1, details: { outcome: "pending" } });
  }
  return told({ v: 1, kind: "unknown", code: "UPSTREAM_TIMEOUT", status: 504 }, { isRepeat: true });
}

/** Throws when nothing was executed and the key is free again. */
async function sendAndSettle(once: Once, mine: Mine, deps: OnceDeps): Promise<ExecutionOutcome> {
  let outcome: ExecutionOutcome;
  try {
    outcome = await outcomeOf(await once.send(mine.keyHash));
  } catch (error) {
    if (isNothing(error)) {
      await kept(() => deps.release(mine), deps);
      throw error;
    }
    outcome = outcomeOfError(error);
  }
  logInfo("proxy.execution.sent", { attempt: mine.attempt, outcome: outcome.kind, status: outcome.status });
  await kept(() => deps.settle(mine, outcome), deps);
  return outcome;
}

async function outcomeOf(response: Response): Promise<ExecutionOutcome> {
  const body = await response.text();
  if (body !== "") JSON.parse(body);
  return { v: 1, kind: "answered", status: response.status, body };
}

/** Not sent, or turned away before anything was looked at: the edge's credentials, its allowance. */
function isNothing(error: unknown): boolean {
  return error instanceof BackendError && (error.sent === "no" || (error.sent === "refused" && error.status >= 500));
}

function outcomeOfError(error: unknown): ExecutionOutcome {
  if (!(error instanceof BackendError)) {
    // The answer broke off or is no JSON. What was asked for may have happened.
    logWarning("proxy.execution.unreadable", { reason: messageOf(error) });
    return { v: 1, kind: "unknown", code: "UPSTREAM_UNAVAILABLE", status: 502 };
  }
  const { code, status, message, details } = error;
  return error.sent === "refused" ? { v: 1, kind: "refused", code, status, message, details } : { v: 1, kind: "unknown", code, status };
}

/** Waits until it is written, so that a repeat finds it, but not for ever: the answer is there, and without it a repeat is told that nobody knows. */
async function kept(write: () => Promise<void>, deps: OnceDeps): Promise<void> {
  const written = pRetry(write, { retries: 3, minTimeout: 100 }).catch((error: unknown) => {
    logWarning("proxy.execution.unwritten", { reason: messageOf(error) });
  });
  deps.waitUntil(written);
  await withTimeout(written, idempotencyStoreMs, "the memory of executions").catch(() => undefined);
}

const unknown = "whether it was executed is not known: look at the executions of this opportunity. It is not sent again under this key";

function told(outcome: ExecutionOutcome, { isRepeat = false }: { readonly isRepeat?: boolean }): Response {
  const replayed = isRepeat ? { replayed: true } : {};
  if (outcome.kind === "unknown") {
    throw new AppError(outcome.code, unknown, { status: outcome.status, details: { outcome: "unknown", ...replayed } });
  }
  if (outcome.kind === "refused") {
    const { code, message, status, details } = outcome;
    throw new AppError(code, message, { status, details: { ...(details as object | undefined), outcome: "refused", ...replayed } });
  }
  const { status, body } = outcome;
  const headers = new Headers(isRepeat ? { "idempotency-replayed": "true" } : {});
  if (body === "") return new Response(null, { status, headers });
  headers.set("content-type", "application/json; charset=utf-8");
  return new Response(body, { status, headers });
}
