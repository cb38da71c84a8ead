/** What stands behind useUltraFastStreaming: one connection for all components that use the hook, kept outside of React, so that neither
 *  renders nor mounts can make another. Fills the frontend's store, each opportunity new once and updated afterwards. */
import { connect, type Client, type ConnectOptions, type Market, type Opportunity, type Position } from "../client/index.ts";
import { toFrontendMarket, toFrontendOpportunity, type FrontendMarket, type FrontendOpportunity } from "./frontend-shape.ts";
import { Latest } from "./latest.ts";

export interface StreamingStore {
  addOpportunity(opportunity: FrontendOpportunity): void;
  updateOpportunity(id: string, opportunity: FrontendOpportunity): void;
}

export interface StreamingOptions extends ConnectOptions {
  /** The store of the moment: `() => useOpportunitiesStore.getState()`. */
  store(): StreamingStore;
}

export interface StreamingView {
  readonly isConnected: boolean;
  /** Epoch milliseconds of the last event; 0 before the first. */
  readonly lastUpdate: number;
  readonly marketData: FrontendMarket | null;
  /** Milliseconds to the edge and back. */
  readonly latency: number;
  /** Connections made since the last one that stood. */
  readonly connectionAttempts: number;
  readonly messagesPerSecond: number;
}

const nothing: StreamingView = {
  isConnected: false,
  lastUpdate: 0,
  marketData: null,
  latency: 0,
  connectionAttempts: 0,
  messagesPerSecond: 0,
};
/** Ids remembered as shown. The frontend's store grows without end anyway; an id that was forgotten is added once more. */
const knownMax = 20_000;
const countEveryMs = 1_000;

export class Streaming {
  readonly view = new Latest(nothing);
  readonly #options: StreamingOptions;
  /** The position of the state that the store has. */
  readonly #known = new Map<string, Position>();
  #client: Client | undefined;
  #counter: ReturnType<typeof setInterval> | undefined;
  #users = 0;
  #messages = 0;

  constructor(options: StreamingOptions) {
    this.#options = options;
  }

  /** For as long as a component is mounted. Several share the connection. */
  readonly use = (): (() => void) => {
    this.#users += 1;
    if (this.#client === undefined) this.#start();
    return () => {
      this.#users -= 1;
      // Mounted again in the same breath, as React does: not worth a new connection.
      setTimeout(() => (this.#users === 0 ? this.#stop() : undefined), countEveryMs);
    };
  };

  /** Any number of calls make at most one attempt a second. */
  readonly reconnect = (): void => this.#client?.reconnect();

  #start(): void {
    const client = connect(this.#options);
    this.#client = client;
    client.on("status", (status) =>
      this.view.update((before) => ({
        ...before,
        isConnected: status === "open",
        connectionAttempts: status === "open" ? 0 : before.connectionAttempts + Number(status === "connecting"),
      })),
    );
    client.on("latency", (latency) => this.view.update((before) => ({ ...before, latency: Math.round(latency) })));
    const opportunities = client.channel("opportunities");
    opportunities.on("event", ({ data, stale, epoch, offset }) =>
      stale === true ? undefined : this.#onOpportunity(data, { epoch, offset }),
    );
    // After a loss: what the store has not seen is new to it, whatever happened in between.
    opportunities.on("snapshot", ({ items, epoch }) => items.forEach(({ data, offset }) => this.#onOpportunity(data, { epoch, offset })));
    const market = client.channel("market");
    market.on("event", ({ data, stale }) => (stale === true ? undefined : this.#onMarket(data)));
    market.on("snapshot", ({ items }) => items.forEach(({ data }) => this.#onMarket(data)));
    this.#counter = setInterval(() => this.#count(), countEveryMs);
  }

  #stop(): void {
    if (this.#client === undefined) return;
    clearInterval(this.#counter);
    this.#client.close();
    this.#client = undefined;
    this.view.update(() => nothing);
  }

  #onOpportunity(data: Opportunity, position: Position): void {
    this.#messages += 1;
    const opportunity = toFrontendOpportunity(data);
    const { id } = opportunity;
    const known = this.#known.get(id);
    if (known?.epoch === position.epoch && known.offset >= position.offset) return;
    if (known === undefined) this.#options.store().addOpportunity(opportunity);
    else this.#options.store().updateOpportunity(id, opportunity);
    this.#remember(id, position);
    this.view.update((before) => ({ ...before, lastUpdate: Date.now() }));
  }

  #onMarket(data: Market): void {
    this.#messages += 1;
    this.view.update((before) => ({ ...before, marketData: toFrontendMarket(data), lastUpdate: Date.now() }));
  }

  /** The oldest goes first: a Map keeps the order of insertion, and what was seen again moves to its end. */
  #remember(id: string, position: Position): void {
    this.#known.delete(id);
    this.#known.set(id, position);
    const [oldest] = this.#known.keys();
    if (this.#known.size > knownMax && oldest !== undefined) this.#known.delete(oldest);
  }

  #count(): void {
    const messagesPerSecond = Math.round((this.#messages * 1_000) / countEveryMs);
    this.#messages = 0;
    if (this.view.shown().messagesPerSecond !== messagesPerSecond) this.view.update((before) => ({ ...before, messagesPerSecond }));
  }
}
