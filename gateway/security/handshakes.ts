/** Sheds a storm of handshakes before any object is touched: one allowance for each client address, counted in this isolate alone. So it
 *  is approximate: a storm that spreads over isolates gets a share in each. It only slows down: a refusal costs nobody a later turn. */
import { AppError } from "../../platform/errors.ts";
import { networksMax } from "../../schemas/limits-requests.ts";
import { Allowances } from "./allowances.ts";
import type { Rate } from "./allowances.ts";
import { addressOf, networkOf } from "./client-address.ts";

/** An office of fifty tabs behind one address, two sockets each (UPSTREAM 1), returns at once after a restart, and again within a minute.
 *  The deployed hook in its storm asks 858 times in 30 s: four fifths are shed, and all but two a second from then on. */
export const handshakeRate: Rate = { burst: 120, everyMs: 500 };

export class Handshakes {
  readonly #rate: Rate;
  readonly #allowances: Allowances;

  constructor(rate = handshakeRate, { addresses = networksMax } = {}) {
    this.#rate = rate;
    this.#allowances = new Allowances(addresses);
  }

  /** How long the client should wait; 0 when it may go on. */
  take(address: string, nowMs: number): number {
    return this.#allowances.take(networkOf(address), this.#rate, nowMs);
  }
}

/** The isolate's own. */
const handshakes = new Handshakes();

/** Throws RATE_LIMIT_EXCEEDED. A client whose address is not known is not limited. */
export function requireHandshake(request: Request, nowMs: number): void {
  const address = addressOf(request.headers);
  const waitMs = address === undefined ? 0 : handshakes.take(address, nowMs);
  if (waitMs === 0) return;
  throw new AppError("RATE_LIMIT_EXCEEDED", "too many connections from your address: wait, then connect once", {
    retryAfterSeconds: Math.ceil(waitMs / 1_000),
  });
}
