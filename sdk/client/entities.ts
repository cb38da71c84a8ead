/** A channel's entities kept current: snapshot first, then live, told to its listeners a few times a second at most. Decides nothing
 *  about states (entity-set.ts) or positions (tracker.ts). */
import { Emitter, type Off } from "./emitter.ts";
import type { EntitySet } from "./entity-set.ts";
import type { EdgeError } from "./errors.ts";
import type { Subscription } from "./subscription.ts";

export interface EntityList<D> {
  readonly items: readonly D[];
  /** `live`: nothing that the edge knows is missing. `incomplete`: something was lost and no snapshot could be had. */
  readonly state: "loading" | "live" | "incomplete" | "ended";
  readonly error: EdgeError | undefined;
}

/** A screen shows no more than this, however fast events come. */
const changesApartMs = 50;

export interface EntitiesOptions<D extends Readonly<Record<string, unknown>>> {
  readonly set: EntitySet<D>;
  readonly limit: number;
  readonly now: () => number;
  onClose(): void;
}

export class Entities<D extends Readonly<Record<string, unknown>>> {
  readonly #set: EntitySet<D>;
  readonly #options: EntitiesOptions<D>;
  readonly #emitter = new Emitter<{ readonly change: EntityList<D> }>();
  readonly #offs: readonly Off[];
  #list: EntityList<D> = { items: [], state: "loading", error: undefined };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweepTimer: ReturnType<typeof setTimeout> | undefined;

  constructor({ events }: Subscription<D>, options: EntitiesOptions<D>) {
    this.#options = options;
    this.#set = options.set;
    this.#offs = [
      events.on("event", (event) => (this.#set.apply(event, options.now()) ? this.#changed({}) : undefined)),
      events.on("snapshot", (snapshot) => {
        this.#set.load(snapshot, options.now());
        this.#changed({ state: "loading", error: undefined });
      }),
      events.on("subscribed", ({ complete }) => this.#changed({ state: complete ? "live" : "incomplete" })),
      events.on("lost", ({ reload }) => this.#changed({ state: reload ? "loading" : "incomplete" })),
      events.on("error", (error) => this.#changed({ error })),
      events.on("ended", () => this.#changed({ state: "ended" })),
    ];
  }

  /** The same object until something changes: made for useSyncExternalStore. */
  get current(): EntityList<D> {
    return this.#list;
  }

  onChange(listener: (list: EntityList<D>) => void): Off {
    return this.#emitter.on("change", listener);
  }

  close(): void {
    for (const off of this.#offs) off();
    this.#emitter.clear();
    clearTimeout(this.#timer);
    clearTimeout(this.#sweepTimer);
    this.#options.onClose();
  }

  #pending: Partial<EntityList<D>> | undefined;

  /** Changes of a few milliseconds become one list. */
  #changed(change: Partial<EntityList<D>>): void {
    this.#pending = { ...this.#pending, ...change };
    this.#timer ??= setTimeout(() => this.#show(), changesApartMs);
  }

  #show(): void {
    this.#timer = undefined;
    this.#set.sweep(this.#options.now());
    this.#list = { ...this.#list, ...this.#pending, items: this.#set.list(this.#options.limit) };
    this.#pending = undefined;
    this.#sweepLater();
    this.#emitter.emit("change", this.#list);
  }

  /** An opportunity ends by the clock as well, without an event. */
  #sweepLater(): void {
    clearTimeout(this.#sweepTimer);
    const { nextEndMs } = this.#set;
    if (!Number.isFinite(nextEndMs)) return;
    // Timers beyond 2^31 ms fire at once; an hour is soon enough to look again.
    const delayMs = Math.min(3_600_000, Math.max(changesApartMs, nextEndMs - this.#options.now()));
    this.#sweepTimer = setTimeout(() => this.#changed({}), delayMs);
  }
}
