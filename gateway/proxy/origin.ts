/** One of the backend's addresses, as one isolate knows it: its connections, its breaker, what its calls came to. Makes one attempt; whether
 *  there is another, and where, is decided in backend.ts. */
import type { BackendConfig } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logInfo, logWarning } from "../../platform/log.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";
import {
  backendBodyMs,
  backendIdleMs,
  backendRefusalBytesMax,
  healthCheckMs,
  originClaimMs,
  originConnectionsMax,
  originWaitMs,
  originWaitingMax,
} from "../../schemas/limits-proxy.ts";
import { boundedBody } from "./answer-body.ts";
import { isJson, judgeAnswer, passedHeaders, refusalOf } from "./answer.ts";
import { OriginBreaker } from "./breaker.ts";
import { BackendError } from "./call.ts";
import type { BackendCall } from "./call.ts";
import { NotSent, OriginFault } from "./faults.ts";
import { addressOf, headersOf } from "./outgoing.ts";
import { Pool } from "./pool.ts";
import type { Slot } from "./pool.ts";

export interface Deps {
  fetch(url: string, init: RequestInit): Promise<Response>;
  clock(): number;
  random(): number;
}

/** Of this isolate, since it began. `faults`: no answer, or one that is of no use; `not_sent`: no connection was free. */
const noCounts = { calls: 0, answers: 0, refusals: 0, faults: 0, timeouts: 0, not_sent: 0, health_checks: 0 };

export class Origin {
  readonly url: string;
  readonly breaker: OriginBreaker;
  readonly pool: Pool;
  readonly counts = { ...noCounts };
  /** When it last answered, or was last asked how it is. */
  heardMs = Number.NEGATIVE_INFINITY;
  readonly #config: BackendConfig;
  readonly #deps: Deps;

  constructor(url: string, config: BackendConfig, deps: Deps) {
    this.url = url;
    this.#config = config;
    this.#deps = deps;
    this.breaker = new OriginBreaker({
      random: deps.random,
      isFault: (error) => error instanceof OriginFault,
      opened: (pauseMs) => logWarning("proxy.breaker.opened", { origin: url, pause_ms: pauseMs }),
      closed: () => logInfo("proxy.breaker.closed", { origin: url }),
    });
    this.pool = new Pool({ connectionsMax: originConnectionsMax, waitingMax: originWaitingMax, claimMs: originClaimMs }, deps.clock);
  }

  /** An answer that can be passed on. Throws NotSent, OriginFault or BackendError. */
  async attempt(call: BackendCall, withinMs: number): Promise<Response> {
    const startedMs = this.#deps.clock();
    const slot = await this.pool.acquire({ waitMs: Math.min(originWaitMs, withinMs), holdMs: withinMs + backendBodyMs });
    if (slot === "full" || slot === "late") {
      this.counts.not_sent += 1;
      throw new NotSent("capacity", 1_000);
    }
    try {
      const leftMs = Math.max(1, withinMs - (this.#deps.clock() - startedMs));
      const ran = await this.breaker.run(() => this.#send(call, leftMs), leftMs);
      if (ran === undefined) throw new NotSent("open", this.breaker.waitMs);
      return await this.#pass(call, ran.value, slot);
    } catch (error) {
      slot.release();
      throw error;
    }
  }

  /** The headers, in time and not a sign of illness. */
  async #send(call: BackendCall, withinMs: number): Promise<Response> {
    const { prefix } = this.#config;
    const { method, answerBytesMax } = call.route;
    const init = { method, headers: headersOf(call, this.#config), ...(call.body === undefined ? {} : { body: call.body }) };
    this.counts.calls += 1;
    const response = await this.#fetch(addressOf(this.url, prefix, call), init, withinMs);
    const verdict = judgeAnswer(response, answerBytesMax);
    if (verdict.kind !== "fault") return response;
    dismiss(response);
    this.counts.faults += 1;
    if (verdict.isOrigins) throw new OriginFault(verdict.reason, { kind: "status", retryable: verdict.retryable });
    const details = { backend: { status: response.status } };
    throw new BackendError("UPSTREAM_UNAVAILABLE", `the backend ${verdict.reason}`, { sent: "maybe", status: 502, details });
  }

  async #fetch(url: string, init: RequestInit, withinMs: number): Promise<Response> {
    const abort = new AbortController();
    const work = this.#deps.fetch(url, { ...init, redirect: "manual", signal: abort.signal });
    try {
      const response = await withTimeout(work, withinMs, "the backend");
      this.heardMs = this.#deps.clock();
      return response;
    } catch (error) {
      const isLate = error instanceof TimeoutError;
      if (isLate) {
        this.counts.timeouts += 1;
        abort.abort();
        // One that comes after all must not hold a connection that nobody knows of.
        work.then(dismiss, () => undefined);
      }
      this.counts.faults += 1;
      throw new OriginFault(isLate ? "did not answer in time" : "is out of reach", {
        kind: isLate ? "timeout" : "unreachable",
        retryable: true,
        cause: error,
      });
    }
  }

  async #pass(call: BackendCall, response: Response, slot: Slot): Promise<Response> {
    const { status, headers, body } = response;
    const { answerBytesMax: bytesMax } = call.route;
    const isRefusal = status >= 400;
    const bounds = { bytesMax: isRefusal ? backendRefusalBytesMax : bytesMax, idleMs: backendIdleMs, totalMs: backendBodyMs };
    if (isRefusal) {
      this.counts.refusals += 1;
      const text = body === null || !isJson(headers) ? undefined : await textOf(boundedBody(body, bounds, () => slot.release()));
      if (text === undefined) dismiss(response);
      throw refusalOf({ route: call.route, status, text, retryAfter: headers.get("retry-after") });
    }
    this.counts.answers += 1;
    if (body === null || status === 204 || status === 205) {
      dismiss(response);
      slot.release();
      return new Response(null, { status, headers: passedHeaders(headers) });
    }
    return new Response(
      boundedBody(body, bounds, () => slot.release()),
      { status, headers: passedHeaders(headers) },
    );
  }

  /** Asks how it is, which also is what closes its breaker again. Any answer that no gateway made for it is a sign of life. Never throws. */
  async check(): Promise<void> {
    this.counts.health_checks += 1;
    this.heardMs = this.#deps.clock();
    try {
      await this.breaker.run(() => this.#ask(), healthCheckMs);
    } catch (error) {
      logWarning("proxy.origin.unwell", { origin: this.url, reason: messageOf(error) });
    }
  }

  async #ask(): Promise<void> {
    const url = addressOf(this.url, this.#config.prefix, { path: "/health", query: "" });
    const headers = headersOf({ requestId: crypto.randomUUID() }, this.#config);
    const response = await this.#fetch(url, { method: "GET", headers }, healthCheckMs);
    dismiss(response);
    if (response.status >= 500) throw new OriginFault(`answered ${response.status}`, { kind: "status", retryable: true });
  }
}

/** Lets go of the connection of an answer that nobody will read. */
function dismiss(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}

async function textOf(body: ReadableStream<Uint8Array>): Promise<string | undefined> {
  try {
    return await new Response(body).text();
  } catch {
    // It broke off or is too long: what it said is then not known, that it refused is.
    return undefined;
  }
}
