/** How often each rule fitted in this isolate: what a rule in dry run is judged by. The log tells every first, second, fourth, eighth …
 *  match, so that a flood of matches is not one of lines. */
import { logInfo } from "../../../platform/log.ts";
import { firewallRulesMax } from "../../../schemas/limits-requests.ts";

export class Matches {
  readonly #counts = new Map<string, { readonly count: number; readonly lastMs: number }>();

  add(rule: string, action: string, nowMs: number): void {
    const count = (this.#counts.get(rule)?.count ?? 0) + 1;
    // Rules come and go: names of rules that are gone must not stay for ever.
    if (this.#counts.size >= 2 * firewallRulesMax && !this.#counts.has(rule)) this.#counts.clear();
    this.#counts.set(rule, { count, lastMs: nowMs });
    if (Number.isInteger(Math.log2(count))) logInfo("firewall.rule.matched", { rule, action, count });
  }

  of(rule: string): { readonly count: number; readonly lastMs: number } | undefined {
    return this.#counts.get(rule);
  }
}
