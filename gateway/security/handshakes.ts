/** Sheds a storm of handshakes before any object is touched: one allowance for each client address, counted in this isolate alone. So it
 *  is approximate: a storm that spreads over isolates gets a share in each. It only slows down: a refusal costs nobody a later turn. */
import { AppError } from "../../platform/errors.ts";

export interface HandshakeRate {
  /** Handshakes at once from an address that was quiet. */
  readonly burst: number;
  /** One more after each of these. */
  readonly everyMs: number;
}

/** An office of fifty tabs behind one address, two sockets each (UPSTREAM 1), returns at once after a restart, and again within a minute.
 *  The deployed hook in its storm asks 858 times in 30 s: four fifths are shed, and all but two a second from then on. */
export const handshakeRate: HandshakeRate = { burst: 120, everyMs: 500 };
/** Addresses remembered in an isolate, about a megabyte; the one longest unseen is forgotten first. */
export const addressesMax = 10_000;

/** GCRA: `dueMs` is when all that was admitted would have come at the steady rate. Returns the next one, or how long to wait. Pure. */
export function admit(
  dueMs: number,
  nowMs: number,
  { burst, everyMs }: HandshakeRate,
): { readonly dueMs: number } | { readonly waitMs: number } {
  const next = Math.max(dueMs, nowMs) + everyMs;
  const waitMs = next - burst * everyMs - nowMs;
  return waitMs > 0 ? { waitMs } : { dueMs: next };
}

export class Handshakes {
  readonly #rate: HandshakeRate;
  readonly #addressesMax: number;
  /** Insertion order is the order in which they were last seen. */
  readonly #dueMs = new Map<string, number>();

  constructor(rate = handshakeRate, { addresses = addressesMax } = {}) {
    this.#rate = rate;
    this.#addressesMax = addresses;
  }

  /** How long the client should wait; 0 when it may go on. */
  take(address: string, nowMs: number): number {
    const key = networkOf(address);
    const before = this.#dueMs.get(key) ?? 0;
    const decision = admit(before, nowMs, this.#rate);
    this.#dueMs.delete(key);
    this.#dueMs.set(key, "dueMs" in decision ? decision.dueMs : before);
    if (this.#dueMs.size > this.#addressesMax) this.#dropOldest();
    return "waitMs" in decision ? decision.waitMs : 0;
  }

  #dropOldest(): void {
    const [oldest] = this.#dueMs.keys();
    if (oldest !== undefined) this.#dueMs.delete(oldest);
  }
}

/** What one client has: an IPv4 address, or the /64 in which an IPv6 client picks addresses as it likes. Pure. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(":")) return (mapped ?? address).slice(0, addressCharsMax);
  const [head = "", tail] = address.split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  const groups = [...first, ...zeros, ...last].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/** The longest way to write an IPv6 address. */
const addressCharsMax = 45;

/** The isolate's own. */
const handshakes = new Handshakes();

/** Throws RATE_LIMIT_EXCEEDED. Cloudflare names the client's address and drops what a client says of it; where nobody does, as in tests
 *  and offline, nobody is limited. */
export function requireHandshake(request: Request, nowMs: number): void {
  const address = request.headers.get("cf-connecting-ip");
  const waitMs = address === null ? 0 : handshakes.take(address, nowMs);
  if (waitMs === 0) return;
  throw new AppError("RATE_LIMIT_EXCEEDED", "too many connections from your address: wait, then connect once", {
    retryAfterSeconds: Math.ceil(waitMs / 1_000),
  });
}
