/** `useChannel`: the newest events of a channel, and where it stands. Opens nothing during a render; every effect ends what it began. */
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { keyOf } from "../client/channels.ts";
import type { ChannelEvents, ChannelName, ChannelOptions, DataOf, EdgeError, Position } from "../client/index.ts";
import { useEdgeClient } from "./context.ts";
import { Latest } from "./latest.ts";

export interface UseChannelOptions<D> extends Omit<ChannelOptions, "from"> {
  /** Newest events kept for `events`. */
  readonly limit?: number;
  /** Called for every event, however fast they come; `events` shows the newest only. */
  readonly onEvent?: (event: ChannelEvents<D>["event"]) => void;
}

export interface ChannelView<D> {
  /** Newest first. */
  readonly events: readonly ChannelEvents<D>["event"][];
  /** `lost`: something is missing for good, until a snapshot makes up for it. */
  readonly state: "subscribing" | "live" | "lost" | "ended";
  readonly position: Position | undefined;
  readonly error: EdgeError | undefined;
}

const eventsShown = 100;
/** However many are asked for: a list is not a log. */
const eventsMax = 1_000;

export function useChannel<C extends ChannelName>(name: C, options: UseChannelOptions<DataOf<C>> = {}): ChannelView<DataOf<C>> {
  type D = DataOf<C>;
  const client = useEdgeClient();
  const { filters = {}, rewind, reload, limit = eventsShown, onEvent } = options;
  // Filters written in place are a new object with each render: what they say decides.
  const key = JSON.stringify([keyOf(name, filters), rewind ?? null, reload ?? null, limit]);
  const view = useMemo(() => new Latest(emptyView<D>()), [client, key]);
  const heard = useRef(onEvent);
  useEffect(() => {
    heard.current = onEvent;
  });
  useEffect(() => {
    const channel = client.channel(name, {
      filters,
      ...(rewind === undefined ? {} : { rewind }),
      ...(reload === undefined ? {} : { reload }),
    });
    const show = (change: Partial<ChannelView<D>>): void => view.update((before) => ({ ...before, ...change, position: channel.position }));
    channel.on("event", (event) => {
      view.update((before) => ({ ...before, position: channel.position, events: withNewest(before.events, event, limit) }));
      heard.current?.(event);
    });
    channel.on("subscribed", ({ complete }) => show({ state: complete ? "live" : "lost" }));
    channel.on("lost", () => show({ state: "lost" }));
    channel.on("error", (error) => show({ error }));
    channel.on("ended", () => show({ state: "ended" }));
    if (channel.phase === "live") show({ state: "live" });
    return () => {
      channel.close();
      view.stop();
    };
    // `key` stands for name, filters and the other options.
  }, [client, key, view]);
  return useSyncExternalStore(view.subscribe, view.shown, view.shown);
}

function emptyView<D>(): ChannelView<D> {
  return { events: [], state: "subscribing", position: undefined, error: undefined };
}

function withNewest<T>(events: readonly T[], event: T, limit: number): readonly T[] {
  return [event, ...events.slice(0, Math.min(eventsMax, Math.max(1, limit)) - 1)];
}
