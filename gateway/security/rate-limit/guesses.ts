/** How many credentials that do not hold one client may show: as many as it may send requests, counted in this isolate. No limiter is asked: a guess
 *  must cost less than anything that is answered, and who goes on guessing meets the penalty box. */
import { limiterEntriesMax } from "../../../schemas/limits-requests.ts";
import { Allowances } from "../allowances.ts";
import type { Standing } from "./lease-book.ts";
import type { Policy } from "./policy.ts";

export type Refused = Extract<Standing, { readonly retryAfterMs: number }>;

export class Guesses {
  readonly #allowances = new Allowances(limiterEntriesMax);

  /** Undefined: one more is no flood. */
  take(who: string, { name, allowance }: Policy, nowMs: number): Refused | undefined {
    const { burst, intervalMs } = allowance;
    const waitMs = this.#allowances.take(`${name}|${who}`, { burst, everyMs: intervalMs }, nowMs);
    if (waitMs === 0) return undefined;
    const retryAfterMs = Math.ceil(waitMs);
    return { kind: "refused", remaining: 0, retryAfterMs, fullAfterMs: retryAfterMs + (burst - 1) * intervalMs };
  }
}
