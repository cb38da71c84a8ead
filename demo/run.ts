/** One run of the demo: its ledger, its subscriber, and the pollers that look into D1 and R2 meanwhile. */
import { streams } from "../channels/catalogue.ts";
import { messageOf } from "../platform/errors.ts";
import { withTimeout } from "../platform/timeout.ts";
import { auditRun, livePatience, noPatience, type Patience } from "./audit.ts";
import type { EdgeClient } from "./edge/client.ts";
import type { LogReading } from "./edge/stores.ts";
import { Ledger } from "./ledger.ts";
import { faultList, faultsOf, liveLine, summaryTable, type State } from "./report.ts";
import { Subscriber } from "./subscriber.ts";
import { mintToken } from "./token.ts";

const subscribeTimeoutMs = 30_000;
const notesMax = 10;
const cacheEveryMs = 1_000;
/** Objects appear every few seconds at most. */
const logEveryMs = 3_000;

export class Run {
  readonly id: string;
  readonly ledger: Ledger;
  readonly #startedMs = Date.now();
  readonly #edge: EdgeClient;
  readonly #subscriber: Subscriber;
  readonly #timers: NodeJS.Timeout[];
  /** Looks under way: one at a time in each place. */
  readonly #looks = new Map<string, Promise<void>>();

  private constructor(edge: EdgeClient, subscriber: Subscriber, ledger: Ledger) {
    this.id = this.#startedMs.toString(36);
    this.ledger = ledger;
    this.#edge = edge;
    this.#subscriber = subscriber;
    this.#timers = [
      setInterval(() => this.#poll("D1", () => this.#lookIntoCache()), cacheEveryMs),
      setInterval(() => this.#poll("R2", async () => this.ledger.sawInLog(await edge.followLog())), logEveryMs),
    ];
  }

  /** Resolves once the subscriber stands on every stream: what is posted from then on must reach it. */
  static async open(edge: EdgeClient): Promise<Run> {
    const ledger = new Ledger();
    const subscriber = new Subscriber({
      url: `ws://${edge.url.host}/ws`,
      mintToken: () => mintToken(edge.variables),
      channels: streams.map(({ name }) => name),
      onEvent: (id, atMs) => ledger.sawOnSocket(id, atMs),
    });
    await withTimeout(subscriber.ready, subscribeTimeoutMs, "the subscriber's first subscriptions").catch((error: unknown) => {
      subscriber.close();
      throw new Error(`${messageOf(error)}: ${subscriber.complaints.slice(0, 3).join("; ")}`, { cause: error });
    });
    return new Run(edge, subscriber, ledger);
  }

  seconds(): number {
    return (Date.now() - this.#startedMs) / 1_000;
  }

  line(): string {
    return liveLine(this.#state(livePatience));
  }

  /** As far as the pollers have seen; `conclusion` looks again. */
  hasArrived(): boolean {
    return this.#state(noPatience).audit.missing.length === 0;
  }

  /** Stops looking, reads the whole log once more and judges. */
  async conclude(seconds: number): Promise<{ readonly text: string; readonly lost: number }> {
    await this.#stopLooking();
    await this.#lookIntoCache();
    const { ids, missing } = await this.#edge.readWholeLog();
    this.ledger.countLog(ids);
    const state = this.#state(noPatience);
    const faults = faultsOf(state, { rejections: this.ledger.rejections, logRanges: missing.map(rangeText) });
    const cacheable = this.ledger.accepted().filter((entry) => entry.row !== undefined).length;
    const notes = this.#subscriber.complaints.slice(0, notesMax).map((text) => `  note: ${text}`);
    const verdict = faults.length === 0 ? "lost 0" : `lost ${state.audit.missing.length}, faults ${faults.length}\n${faultList(faults)}`;
    return { text: ["", summaryTable({ ...state, seconds, cacheable }), ...notes, "", verdict].join("\n"), lost: faults.length };
  }

  async close(): Promise<void> {
    this.#subscriber.close();
    await this.#stopLooking();
  }

  /** A look that outlived the runtime would fail. */
  async #stopLooking(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#looks.values());
  }

  #state(patience: Patience): State {
    return {
      totals: this.ledger.totals,
      audit: auditRun(this.ledger.accepted(), patience, Date.now()),
      latenciesMs: this.ledger.latenciesMs(),
      watches: this.#subscriber.watches,
    };
  }

  async #lookIntoCache(): Promise<void> {
    const wanted = Object.fromEntries(streams.map(({ name }) => [name, this.ledger.uncoveredRows(name)]));
    for (const row of await this.#edge.readCache(wanted)) this.ledger.sawInCache(row);
  }

  /** A failed look is told and tried again in the next round. */
  #poll(what: string, look: () => Promise<void>): void {
    if (this.#looks.has(what)) return;
    const done = look()
      .catch((error: unknown) => console.error(`could not look into ${what}: ${messageOf(error)}`))
      .finally(() => this.#looks.delete(what));
    this.#looks.set(what, done);
  }
}

function rangeText({ stream, epoch, first, last }: LogReading["missing"][number]): string {
  return `${stream} ${epoch} ${first}–${last}`;
}
