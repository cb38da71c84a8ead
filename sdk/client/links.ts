/** The sockets of one client. A socket holds one subscription a channel, so a channel wanted twice, with other filters, takes a second socket;
 *  as few as possible, and never many. */
import { Link, type LinkDeps, type Status } from "./link.ts";
import type { Subscription } from "./subscription.ts";

/** Five sets of filters for one channel are better one set, filtered by the application. */
const linksMax = 4;
/** The edge's bound for one socket. */
const channelsMax = 128;

/** From worst to best. */
const statuses: readonly Status[] = ["closed", "stopped", "waiting", "connecting", "open"];

export class Links {
  readonly #deps: LinkDeps;
  readonly #links = new Set<Link>();
  #isClosed = false;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  get status(): Status {
    if (this.#isClosed) return "closed";
    const present = [...this.#links].map(({ status }) => status);
    return statuses.find((status) => present.includes(status)) ?? "waiting";
  }

  /** Throws when the channel is already on every socket that may be opened. */
  add(subscription: Subscription): void {
    if (this.#isClosed) throw new Error("the client is closed");
    const { channel } = subscription.spec;
    const free = [...this.#links].find(({ subscriptions }) => !subscriptions.has(channel) && subscriptions.size < channelsMax);
    if (free !== undefined) return free.add(subscription);
    if (this.#links.size >= linksMax) {
      subscription.close();
      throw new RangeError(
        `${channel} is already open ${linksMax} times with other options: share a subscription, or filter events yourself`,
      );
    }
    const link = new Link(this.#deps);
    this.#links.add(link);
    link.add(subscription);
  }

  remove(subscription: Subscription): void {
    const link = [...this.#links].find(({ subscriptions }) => subscriptions.get(subscription.spec.channel) === subscription);
    link?.remove(subscription);
    if (link === undefined || link.subscriptions.size > 0) return;
    this.#links.delete(link);
    link.close();
  }

  reconnect(): void {
    for (const link of this.#links) link.reconnect();
  }

  wake(): void {
    for (const link of this.#links) link.wake();
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links) link.close();
    this.#links.clear();
  }
}
