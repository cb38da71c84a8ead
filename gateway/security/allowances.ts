/** An allowance for each of many clients, counted in this isolate alone, so it is approximate: what spreads over isolates has a share in
 *  each. It costs no call. Exact limits are the RateLimiter objects'. */

export interface Rate {
  /** At once from a client that was quiet. */
  readonly burst: number;
  /** One more after each of these. */
  readonly everyMs: number;
}

/** GCRA: `dueMs` is when all that was admitted would have come at the steady rate. Returns the next one, or how long to wait. Pure. */
export function admit(dueMs: number, nowMs: number, { burst, everyMs }: Rate): { readonly dueMs: number } | { readonly waitMs: number } {
  const next = Math.max(dueMs, nowMs) + everyMs;
  const waitMs = next - burst * everyMs - nowMs;
  return waitMs > 0 ? { waitMs } : { dueMs: next };
}

export class Allowances {
  readonly #clientsMax: number;
  /** Insertion order is the order in which they were last seen. */
  readonly #dueMs = new Map<string, number>();

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
  }

  /** How long the client should wait; 0 when it may go on. */
  take(client: string, rate: Rate, nowMs: number): number {
    const before = this.#dueMs.get(client) ?? 0;
    const decision = admit(before, nowMs, rate);
    this.#dueMs.delete(client);
    this.#dueMs.set(client, "dueMs" in decision ? decision.dueMs : before);
    if (this.#dueMs.size > this.#clientsMax) this.#dropOldest();
    return "waitMs" in decision ? decision.waitMs : 0;
  }

  #dropOldest(): void {
    const [oldest] = this.#dueMs.keys();
    if (oldest !== undefined) this.#dueMs.delete(oldest);
  }
}
