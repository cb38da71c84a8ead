/** What an application holds: one handle for each time it asked, on subscriptions and lists that others may share. */
import type { Position } from "./channels.ts";
import type { Off } from "./emitter.ts";
import type { Entities, EntityList } from "./entities.ts";
import type { HistoryOptions, HistoryPage, Presence } from "./requests.ts";
import type { ChannelEvents, Subscription } from "./subscription.ts";
import type { Phase } from "./tracker.ts";

export interface Channel<D> {
  readonly name: string;
  /** What to hand to `from` after a restart. */
  readonly position: Position | undefined;
  readonly phase: Phase;
  on<K extends keyof ChannelEvents<D>>(type: K, listener: (value: ChannelEvents<D>[K]) => void): Off;
  /** Who listens now; needs the right `presence`. Rejects with an EdgeError, also when no answer comes. */
  presence(): Promise<Presence>;
  /** A page of the channel's log, filtered like the channel; needs the right `history`. Rejects likewise. */
  history(options?: HistoryOptions): Promise<HistoryPage<D>>;
  /** Ends this handle and its listeners; the subscription ends with its last handle. */
  close(): void;
}

export interface EntityView<D> {
  readonly current: EntityList<D>;
  onChange(listener: (list: EntityList<D>) => void): Off;
  close(): void;
}

export function handleOf<D>(subscription: Subscription<D>, release: () => void): Channel<D> {
  const offs = new Set<Off>();
  return {
    name: subscription.spec.channel,
    get position() {
      return subscription.position;
    },
    get phase() {
      return subscription.phase;
    },
    on(type, listener) {
      return heldIn(offs, subscription.events.on(type, listener));
    },
    presence: () => subscription.presence(),
    history: (options = {}) => subscription.history(options),
    close() {
      endAll(offs);
      release();
    },
  };
}

export function viewOf<D extends Readonly<Record<string, unknown>>>(entities: Entities<D>, release: () => void): EntityView<D> {
  const offs = new Set<Off>();
  return {
    get current() {
      return entities.current;
    },
    onChange(listener) {
      return heldIn(offs, entities.onChange(listener));
    },
    close() {
      endAll(offs);
      release();
    },
  };
}

/** Ends with its handle, unless ended before: a handle that lives long must not collect what is over. */
function heldIn(offs: Set<Off>, end: Off): Off {
  const off = (): void => {
    offs.delete(off);
    end();
  };
  offs.add(off);
  return off;
}

function endAll(offs: Set<Off>): void {
  for (const off of [...offs]) off();
}
