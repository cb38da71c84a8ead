/** The penalty box: a client whose requests are refused again and again is shut out for a while, twice as long each time, and is forgiven in
 *  time. Pure rules, and one box for each isolate. Handshakes do not count: the deployed frontend storms without meaning to (UPSTREAM 1). */
import type { Penalties } from "../../schemas/runtime-config.ts";

export interface Conduct {
  readonly score: number;
  readonly scoredMs: number;
  readonly strikes: number;
  readonly bannedUntilMs: number;
}

/** So long after a ban one strike is forgiven: who offends again at once is shut out for longer, who does so next week is not. */
const forgiveAfterMs = 10 * 60_000;

/** What a refusal says of its sender. A wrong credential may be an expired one, and a limit that was met is often a bug and stops its sender
 *  already; a rule that was broken is neither. */
export const offences = { unauthorized: 1, forbidden: 1, limited: 0.25, firewall: 5 } as const;
export type Offence = keyof typeof offences;

export const clean: Conduct = { score: 0, scoredMs: 0, strikes: 0, bannedUntilMs: 0 };

export function offended(before: Conduct, weight: number, { nowMs, rules }: { nowMs: number; rules: Penalties }): Conduct {
  const score = faded(before, nowMs, rules) + weight;
  if (score < rules.threshold) return { ...before, score, scoredMs: nowMs };
  const strikes = strikesOf(before, nowMs) + 1;
  const lengthMs = 1_000 * Math.min(rules.max_ban_seconds, rules.first_ban_seconds * 2 ** Math.min(strikes - 1, 20));
  // It starts from nothing after the ban: its length is what counts on.
  return { score: 0, scoredMs: nowMs, strikes, bannedUntilMs: nowMs + lengthMs };
}

function faded({ score, scoredMs }: Conduct, nowMs: number, { half_life_seconds }: Penalties): number {
  return score * 0.5 ** (Math.max(0, nowMs - scoredMs) / (half_life_seconds * 1_000));
}

/** Those not forgiven since the last ban ended. */
function strikesOf({ strikes, bannedUntilMs }: Conduct, nowMs: number): number {
  return Math.max(0, strikes - Math.floor(Math.max(0, nowMs - bannedUntilMs) / forgiveAfterMs));
}

export class PenaltyBox {
  readonly #clientsMax: number;
  readonly #records = new Map<string, Conduct>();

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
  }

  /** How long the client is still shut out; 0 when it is not. */
  bannedMs(client: string, nowMs: number): number {
    const record = this.#records.get(client);
    return record === undefined ? 0 : Math.max(0, record.bannedUntilMs - nowMs);
  }

  /** Returns how long the client is shut out from now on, when this is what shut it out. */
  add(client: string, weight: number, at: { nowMs: number; rules: Penalties }): number | undefined {
    const before = this.#records.get(client) ?? clean;
    // What a banned client does meanwhile is not even looked at.
    if (before.bannedUntilMs > at.nowMs) return undefined;
    const after = offended(before, weight, at);
    this.#records.delete(client);
    this.#records.set(client, after);
    const [oldest] = this.#records.keys();
    if (this.#records.size > this.#clientsMax && oldest !== undefined) this.#records.delete(oldest);
    return after.bannedUntilMs > at.nowMs ? after.bannedUntilMs - at.nowMs : undefined;
  }

  forgive(client: string): void {
    this.#records.delete(client);
  }

  /** Those that are shut out now. */
  list(nowMs: number): { readonly client: string; readonly untilMs: number; readonly strikes: number }[] {
    return [...this.#records]
      .filter(([, { bannedUntilMs }]) => bannedUntilMs > nowMs)
      .map(([client, { bannedUntilMs, strikes }]) => ({ client, untilMs: bannedUntilMs, strikes }));
  }
}
