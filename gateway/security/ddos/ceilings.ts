/** How much of one client an isolate does at all, before anything else is looked at: far above what a limit allows, counted without a call.
 *  Posters have a ceiling of their own, for each key: a backend posts from one address. Sockets have handshakes.ts. */
import { networksMax } from "../../../schemas/limits-requests.ts";
import { Allowances } from "../allowances.ts";
import type { Rate } from "../allowances.ts";
import type { RouteClass } from "../rate-limit/classes.ts";

/** Fifty tabs of an office that all load at once, and then one request a second each. */
export const clientCeiling: Rate = { burst: 600, everyMs: 20 };
/** Three times what one channel takes in single posts (DESIGN 6: 760 a second). */
export const posterCeiling: Rate = { burst: 4_000, everyMs: 0.5 };
const underAttackTimes = 5;

export class Ceilings {
  readonly #clients = new Allowances(networksMax);
  readonly #posters = new Allowances(networksMax);

  /** How long the sender should wait; 0 when it may go on. `client` is undefined when its address is not known. */
  take(request: { routeClass: RouteClass; client: string | undefined; headers: Headers; underAttack: boolean }, nowMs: number): number {
    const { routeClass, client, headers, underAttack } = request;
    if (routeClass === "socket") return 0;
    if (routeClass === "ingest") {
      const key = headers.get("x-api-key") ?? headers.get("authorization") ?? client;
      return key === undefined ? 0 : this.#posters.take(key, posterCeiling, nowMs);
    }
    if (client === undefined) return 0;
    return this.#clients.take(client, underAttack ? tightened : clientCeiling, nowMs);
  }
}

const tightened: Rate = { burst: clientCeiling.burst / underAttackTimes, everyMs: clientCeiling.everyMs * underAttackTimes };
