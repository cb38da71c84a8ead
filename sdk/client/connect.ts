/** `connect()`: the client an application holds. Shares subscriptions among those who ask for the same, puts them on as few sockets as the
 *  protocol allows, and hands out a fresh token wherever one is needed. */
import { keyOf, ruleOf, type ChannelName, type DataOf, type Filters, type Position, type StreamData } from "./channels.ts";
import { Emitter, type Off } from "./emitter.ts";
import { Entities } from "./entities.ts";
import { entityRules } from "./entity-rules.ts";
import { EntitySet, type EntityRules } from "./entity-set.ts";
import type { EdgeError } from "./errors.ts";
import { lastingFilters } from "./filters.ts";
import { handleOf, viewOf, type Channel, type EntityView } from "./handles.ts";
import type { Status } from "./link.ts";
import { Links } from "./links.ts";
import { Shared } from "./shared.ts";
import { loadSnapshot } from "./snapshot.ts";
import { Subscription, type SubscriptionSpec } from "./subscription.ts";
import { tokenProvider } from "./token.ts";
import { onWake } from "./wake.ts";

export interface ConnectOptions {
  /** The edge's address: `https://edge.example.com`. */
  readonly url: string;
  /** Asked before every connect, every snapshot and every renewal. Left out, only public channels can be read. */
  readonly token?: () => Promise<string | undefined>;
  /** For runtimes without their own. */
  readonly WebSocket?: unknown;
  readonly fetch?: typeof fetch;
  /** In [0, 1): what spreads a herd. */
  readonly random?: () => number;
  readonly now?: () => number;
}

export interface ChannelOptions {
  readonly filters?: Filters;
  /** Goes on from here: exactly what was missed, or `lost`. */
  readonly from?: Position;
  /** Begins with the newest events: a count, or an age such as "30s" or "5m". */
  readonly rewind?: number | `${number}s` | `${number}m`;
  /** Whether a loss is answered with the channel's snapshot; true unless said. */
  readonly reload?: boolean;
}

export interface EntityOptions {
  readonly filters?: Filters;
  /** Items in the list. */
  readonly limit?: number;
}

export interface ClientEvents {
  readonly status: Status;
  readonly error: EdgeError;
  /** Milliseconds to the edge and back. */
  readonly latency: number;
}

interface ViewSpec<D> {
  readonly rules: EntityRules<D>;
  readonly filters: Filters;
  readonly limit: number;
}

type EntityStream = keyof typeof entityRules;
export type EntityChannel = EntityStream | `opportunities:${string}` | `executions:${string}`;

const listLimit = 100;
/** Held beyond what is shown, so that the next best move up when the best expire. */
const heldMax = 5_000;

export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

export class Client {
  readonly #events = new Emitter<ClientEvents>();
  readonly #links: Links;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #source: Parameters<typeof loadSnapshot>[0];
  readonly #offWake: Off;
  readonly #subscriptions = new Shared<Subscription>((subscription) => this.#links.remove(subscription));
  readonly #views = new Shared<{ close(): void }>((view) => view.close());
  #requests = 0;

  constructor({ url, token, WebSocket, fetch: ownFetch, random = Math.random, now = Date.now }: ConnectOptions) {
    const origin = url.replace(/^ws/, "http").replace(/\/+$/, "");
    if (!/^https?:\/\/[^/]/.test(origin)) throw new TypeError("url must be the edge's address, such as https://edge.example.com");
    const freshToken = tokenProvider(token);
    this.#random = random;
    this.#now = now;
    this.#source = { origin, fetch: ownFetch ?? ((...request) => fetch(...request)), token: freshToken };
    this.#links = new Links({
      address: `${origin.replace(/^http/, "ws")}/ws?batch=1`,
      WebSocket,
      random,
      now,
      token: freshToken,
      onStatus: () => this.#events.emit("status", this.status),
      onError: (error) => this.#events.emit("error", error),
      onLatency: (ms) => this.#events.emit("latency", ms),
    });
    this.#offWake = onWake(() => this.#links.wake());
  }

  /** The worst of its sockets'; `waiting` before the first channel. */
  get status(): Status {
    return this.#links.status;
  }

  on<K extends keyof ClientEvents>(type: K, listener: (value: ClientEvents[K]) => void): Off {
    return this.#events.on(type, listener);
  }

  channel<C extends ChannelName>(name: C, options: ChannelOptions = {}): Channel<DataOf<C>> {
    const { filters = {}, from, rewind, reload = true } = options;
    const { hasSnapshot, isLastValue } = ruleOf(name);
    const reloads = hasSnapshot && reload;
    // Those who begin elsewhere need a subscription of their own.
    const key = JSON.stringify([keyOf(name, filters), from ?? null, rewind ?? null, reloads]);
    const held = this.#subscriptions.hold(key, () =>
      this.#subscribe({ channel: name, filters, from, rewind, reloads, isLastValue, withSnapshot: false }),
    );
    return handleOf(held.value as Subscription<DataOf<C>>, held.release);
  }

  /** The living entities of a channel, newest state each, in their stream's order: opportunities by profit, the greatest first. */
  entities<C extends EntityChannel>(name: C, { filters = {}, limit = listLimit }: EntityOptions = {}): EntityView<DataOf<C>> {
    type D = DataOf<C>;
    ruleOf(name);
    const stream = name.split(":", 1)[0] as EntityStream;
    const rules = entityRules[stream] as unknown as EntityRules<D> | undefined;
    if (rules === undefined) throw new TypeError(`${name} has no entities to list`);
    const held = this.#views.hold(JSON.stringify([keyOf(name, filters), limit]), () => this.#view(name, { rules, filters, limit }));
    return viewOf(held.value as Entities<D>, held.release);
  }

  /** Takes a fresh token and connects anew: after a login, a logout, or a refusal. Positions are kept. */
  reconnect(): void {
    this.#links.reconnect();
  }

  close(): void {
    this.#offWake();
    this.#views.clear();
    this.#subscriptions.clear();
    this.#links.close();
    this.#events.emit("status", "closed");
    this.#events.clear();
  }

  #subscribe(spec: SubscriptionSpec): Subscription {
    const subscription = new Subscription(spec, {
      random: this.#random,
      now: this.#now,
      nextRequest: () => ++this.#requests,
      load: (channel, signal) => loadSnapshot(this.#source, channel, signal),
    });
    this.#links.add(subscription);
    return subscription;
  }

  #view<D extends StreamData[EntityStream]>(name: string, { rules, filters, limit }: ViewSpec<D>): Entities<D> {
    // What can change in an entity's life is filtered here: the edge would not tell that an entity stopped matching.
    const spec = { channel: name, filters: lastingFilters(filters), reloads: true, isLastValue: false, withSnapshot: true };
    const subscription = this.#subscribe(spec) as Subscription<D>;
    const set = new EntitySet<D>(rules, { filters, sizeMax: Math.max(heldMax, limit) });
    return new Entities<D>(subscription, { set, limit, now: this.#now, onClose: () => this.#links.remove(subscription as Subscription) });
  }
}
