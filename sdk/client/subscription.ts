/** One channel of one link: a thin shell that sends, times and reads snapshots as tracker.ts decides, and tells the listeners. */
import { Acks } from "./acks.ts";
import type { Filters, Position } from "./channels.ts";
import { Emitter } from "./emitter.ts";
import { EdgeError } from "./errors.ts";
import type { ChannelEvent, EventFrame, Frame } from "./frames.ts";
import { revive } from "./frames.ts";
import { jitterMs } from "./reconnect.ts";
import { loadUsable } from "./reload.ts";
import { matches } from "./filters.ts";
import { Pause } from "./pause.ts";
import { Requests, type HistoryOptions, type HistoryPage, type Presence } from "./requests.ts";
import { SnapshotError, type Snapshot } from "./snapshot.ts";
import * as tracker from "./tracker.ts";

export interface ChannelEvents<D> {
  /** Every event of the channel, each once, in the order of its log. */
  readonly event: ChannelEvent<D>;
  /** `complete`: nothing is missing since the beginning, or since the snapshot that made up for a loss. */
  readonly subscribed: { readonly position: Position; readonly recovered: boolean; readonly complete: boolean };
  /** What lies between `from` and `to` will not come. `reload`: a snapshot follows, then the events after it. */
  readonly lost: { readonly from: Position | undefined; readonly to: Position; readonly reload: boolean };
  readonly snapshot: Snapshot<D>;
  readonly error: EdgeError;
  /** The edge refuses the channel; `client.reconnect()` asks again. */
  readonly ended: { readonly code: string; readonly reason: string };
}

export interface SubscriptionSpec extends tracker.RecoveryRules {
  readonly channel: string;
  readonly filters: Filters;
  readonly from?: Position | undefined;
  readonly rewind?: number | string | undefined;
  /** Begins with the snapshot instead of with the next event. */
  readonly withSnapshot: boolean;
}

export interface SubscriptionDeps {
  readonly random: () => number;
  readonly now: () => number;
  /** Unique in the socket: the answer carries it. */
  nextRequest(): number;
  load(channel: string, signal: AbortSignal): Promise<Snapshot<unknown>>;
}

type Send = (frame: Readonly<Record<string, unknown>>) => void;

/** A relay that waits for its hub gives up before this. */
const answerTimeoutMs = 20_000;
/** Renewals this far apart have nothing to do with each other; closer ones are spread out more and more. */
const renewalsApartMs = 30_000;
/** Refusals that the next try may not meet. */
const passingCodes = new Set(["UPSTREAM_UNAVAILABLE", "UPSTREAM_TIMEOUT", "CAPACITY_EXCEEDED", "RATE_LIMIT_EXCEEDED", "INTERNAL"]);

export class Subscription<D = unknown> {
  readonly spec: SubscriptionSpec;
  readonly events = new Emitter<ChannelEvents<D>>();
  readonly #deps: SubscriptionDeps;
  #track: tracker.Track;
  #send: Send | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewals = { count: 0, atMs: Number.NEGATIVE_INFINITY };
  #loading: AbortController | undefined;
  readonly #retry = new Pause();
  readonly #requests: Requests;
  readonly #acks = new Acks((offset) => this.#send?.({ type: "ack", channel: this.spec.channel, offset }));
  /** A loss, or a beginning, that no snapshot has made up for. */
  #hasGap: boolean;

  constructor(spec: SubscriptionSpec, deps: SubscriptionDeps) {
    this.spec = spec;
    this.#deps = deps;
    this.#requests = new Requests(deps.nextRequest);
    this.#track = tracker.begin(spec.from);
    this.#hasGap = spec.withSnapshot;
    if (spec.withSnapshot) this.#reload();
  }

  get position(): Position | undefined {
    return this.#track.position;
  }

  get phase(): tracker.Phase {
    return this.#track.phase;
  }

  /** Rejects with an EdgeError. */
  presence(): Promise<Presence> {
    return this.#requests.presence(this.spec.channel);
  }

  /** The same. The edge filters live events alone, so it is done here. */
  async history(options: HistoryOptions): Promise<HistoryPage<D>> {
    const { events, epoch, offset } = await this.#requests.history(this.spec.channel, options);
    const told = events.map((event) => this.#told(event));
    return { events: told.filter(({ data }) => matches(this.spec.filters, data as EventFrame["data"])), position: { epoch, offset } };
  }

  opened(send: Send): void {
    this.#send = send;
    if (this.#track.phase === "idle") this.#ask();
    this.#requests.opened(send);
  }

  disconnected(): void {
    this.#send = undefined;
    this.#requests.disconnected();
    this.#acks.stop();
    clearTimeout(this.#timer);
    this.#track = tracker.onDisconnected(this.#track);
  }

  /** The application wants another try, whatever was refused before. */
  revive(): void {
    if (this.#track.phase === "ended") this.#track = tracker.begin(this.#track.position);
    if (this.#hasGap && this.spec.reloads && this.#track.phase !== "reloading") this.#reload();
  }

  close(): void {
    const isOpen = this.#track.phase === "live" || this.#track.phase === "subscribing" || this.#track.phase === "reloading";
    // With an id, because nobody listens any more to an answer that says there was nothing to end.
    if (isOpen) this.#send?.({ type: "unsubscribe", channel: this.spec.channel, id: this.#deps.nextRequest() });
    this.disconnected();
    this.#loading?.abort();
    this.#retry.end();
    this.#requests.close();
    this.#track = { ...this.#track, phase: "ended" };
    this.events.clear();
  }

  receive({ kind, frame }: Frame): void {
    if (kind === "event") return this.#onEvent(frame);
    switch (frame.type) {
      case "subscribed":
        this.#acks.start(frame.ack_every);
        return this.#take(tracker.onSubscribed(this.#track, frame, this.spec));
      case "position":
        this.#acks.received(frame.offset);
        this.#track = tracker.onPosition(this.#track, frame.offset);
        return;
      case "unsubscribed":
        return this.#take(tracker.onUnsubscribed(this.#track, frame.code), { code: "UNSUBSCRIBED", reason: frame.reason });
      case "presence":
      case "history":
        return this.#requests.answered(frame.id, frame);
      case "error":
        this.#requests.failed(frame.id, new EdgeError(frame.code, frame.message, frame.path));
        return frame.id === this.#track.request && this.#track.phase === "subscribing" ? this.#onRefused(frame) : undefined;
    }
  }

  #onEvent(frame: EventFrame): void {
    this.#acks.received(frame.offset);
    const step = tracker.onEvent(this.#track, frame);
    // The position first: a listener that asks for it sees the event counted.
    this.#take(step);
    if (step.act.kind === "deliver") this.events.emit("event", this.#told(frame));
  }

  #told({ data, meta, ...rest }: EventFrame): ChannelEvent<D> {
    return { ...rest, data: revive(data, meta) as D };
  }

  #take({ track, act }: tracker.Step, end = { code: "UNSUBSCRIBED", reason: "" }): void {
    const wasAsked = this.#track.phase === "subscribing" && track.phase !== "subscribing";
    this.#track = track;
    if (wasAsked) clearTimeout(this.#timer);
    if (act.kind === "resubscribe") this.#renew();
    if (act.kind === "ended") this.events.emit("ended", end);
    if (act.kind === "subscribed" && track.position !== undefined) {
      this.events.emit("subscribed", { position: track.position, recovered: act.recovered, complete: !this.#hasGap });
    }
    if (act.kind !== "lost") return;
    this.#hasGap = true;
    this.events.emit("lost", { from: act.from, to: act.to, reload: act.reload });
    // Unless a listener closed everything.
    if (act.reload && this.#track.phase === "reloading") this.#reload();
  }

  #onRefused({ code, message, path }: { readonly code: string; readonly message: string; readonly path?: string }): void {
    if (passingCodes.has(code)) return this.#renew();
    clearTimeout(this.#timer);
    this.#track = { ...this.#track, phase: "ended" };
    this.events.emit("error", new EdgeError(code, message, path));
    this.events.emit("ended", { code, reason: message });
  }

  /** At once the first time; a channel that keeps breaking waits longer and longer, within the edge's allowance of messages. */
  #renew(): void {
    const nowMs = this.#deps.now();
    const count = nowMs - this.#renewals.atMs > renewalsApartMs ? 0 : this.#renewals.count + 1;
    this.#renewals = { count, atMs: nowMs };
    // Until the request is out, frames of the broken subscription must not be taken.
    this.#track = tracker.onAsked(this.#track, this.#deps.nextRequest());
    if (count === 0) this.#ask();
    else this.#later(jitterMs(count, this.#deps.random()), () => this.#ask());
  }

  #ask(): void {
    if (this.#send === undefined) return;
    const request = this.#deps.nextRequest();
    this.#track = tracker.onAsked(this.#track, request);
    const { channel, filters, rewind } = this.spec;
    const { position } = this.#track;
    const start = position ?? (rewind === undefined ? {} : { rewind });
    this.#send({ type: "subscribe", channel, id: request, ack: true, ...(Object.keys(filters).length > 0 ? { filters } : {}), ...start });
    this.#later(answerTimeoutMs, () => this.#renew());
  }

  #later(delayMs: number, work: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(work, delayMs);
  }

  #reload(): void {
    this.#loading?.abort();
    const { signal } = (this.#loading = new AbortController());
    // A loss may be everybody's: a hub that starts over must not be asked by all of them in one instant.
    const delayMs = this.#track.resume === undefined ? 0 : jitterMs(0, this.#deps.random());
    this.#track = { ...this.#track, phase: "reloading" };
    const deps = {
      load: (until: AbortSignal) => this.#load(until),
      isUsable: (snapshot: Snapshot<D>) => tracker.isUsable(this.#track, snapshot),
      random: this.#deps.random,
      pause: this.#retry,
    };
    void loadUsable(deps, signal, delayMs).then((outcome) => (signal.aborted ? undefined : this.#onLoaded(outcome)));
  }

  /** The edge filters events, not snapshots. */
  async #load(signal: AbortSignal): Promise<Snapshot<D>> {
    const snapshot = (await this.#deps.load(this.spec.channel, signal)) as Snapshot<D>;
    const items = snapshot.items.filter(({ data }) => matches(this.spec.filters, data as Readonly<Record<string, unknown>>));
    return { ...snapshot, items };
  }

  #onLoaded(outcome: Snapshot<D> | SnapshotError | undefined): void {
    if (outcome === undefined || this.#track.phase !== "reloading") return;
    if (outcome instanceof SnapshotError) {
      this.#track = tracker.onReloadFailed(this.#track);
      this.events.emit("error", outcome);
    } else {
      this.#track = tracker.onReloaded(this.#track, outcome);
      this.#hasGap = false;
      this.events.emit("snapshot", outcome);
    }
    // Unless a listener closed the channel.
    if (this.#track.phase === "idle") this.#ask();
  }
}
