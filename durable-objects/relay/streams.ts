/** The relay's side of the hub–relay protocol: joining, taking delivers, renewing, leaving, and what is written down about it.
 *  The decisions are in stream-state.ts; here they meet storage, timers and the hub. */
import type { Position } from "../../channels/recovery.ts";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { renewEveryMs } from "../../schemas/limits.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { ChannelRpc, DeliverReply, DeliverRequest, InterestReply, LogRow } from "../../schemas/rpc.ts";
import type { Audience } from "./audience.ts";
import { catchUpMs, hubTimeoutMs, joinAttempts, pendingBytesMax } from "./bounds.ts";
import { isOrphaned, isOver, moved, restore, rowOf, type RelayStream } from "./stream.ts";
import type { RelayStore, StreamRow } from "./storage.ts";
import { decideDeliver, decideRenewal, nextGeneration } from "./stream-state.ts";

export interface StreamsDeps {
  readonly store: RelayStore;
  readonly audience: Audience;
  readonly now: () => number;
  hub(stream: string): ChannelRpc;
  relayName(): string;
  /** Sockets are read from the platform only when something is to be sent to them. */
  wakeSockets(): void;
  /** Something is pending: flush soon. */
  onPending(): void;
  onJoin(): Promise<void>;
}

export class Streams {
  readonly #deps: StreamsDeps;
  readonly #streams = new Map<string, RelayStream>();
  #turn = 0;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    for (const row of deps.store.streams()) this.#streams.set(row.stream, restore(row));
  }

  /** Streams of which it is not known what their sockets were sent: the object died in the middle of a burst. */
  adrift(): RelayStream[] {
    return [...this.#streams.values()].filter((stream) => !stream.clean);
  }

  get hasInterests(): boolean {
    return [...this.#streams.values()].some((stream) => stream.phase !== "idle" || isOrphaned(stream));
  }

  /** Up to where the sockets of a stream have been sent everything. */
  standingOf(name: string): Position {
    const { epoch, flushed } = this.#streams.get(name) ?? { epoch: "", flushed: 0 };
    return { epoch, offset: flushed };
  }

  find(name: string): RelayStream {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const stream = restore({ stream: name, generation: 0, epoch: "", position: 0, clean: true, idleSinceMs: this.#deps.now() });
    this.#streams.set(name, stream);
    return stream;
  }

  /** Resolves when the relay has a live interest in the stream; one registration at a time. Throws UPSTREAM_UNAVAILABLE. */
  async joined(stream: RelayStream): Promise<void> {
    if (stream.phase === "live") return;
    stream.join ??= this.#join(stream).finally(() => {
      stream.join = undefined;
    });
    return stream.join;
  }

  async #join(stream: RelayStream): Promise<void> {
    this.#deps.wakeSockets();
    stream.phase = "joining";
    // The linger starts anew: the subscriber this join is for has not subscribed yet.
    if (stream.idleSinceMs !== undefined) stream.idleSinceMs = this.#deps.now();
    stream.generation = nextGeneration(stream.generation, this.#deps.now());
    this.#save({ ...rowOf(stream), epoch: "", position: 0, clean: true });
    await this.#deps.onJoin();
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#enter(stream, await this.#interest(stream));
      } catch (error) {
        logWarning("relay.join.failed", { stream: stream.name, attempt, reason: messageOf(error) });
        if (attempt < joinAttempts) continue;
        stream.phase = "idle";
        throw new AppError("UPSTREAM_UNAVAILABLE", "the channel is out of reach, try again shortly", { cause: error });
      }
    }
  }

  #enter(stream: RelayStream, reply: InterestReply): void {
    this.#moveTo(stream, reply.epoch, reply.top);
    stream.phase = "live";
    this.#save(rowOf(stream));
  }

  /** Stands anew at a position; what was held belongs to before it. */
  #moveTo(stream: RelayStream, epoch: string, position: number): void {
    if (epoch !== stream.epoch) this.#deps.audience.restartLegacy(stream.name, position);
    stream.ring.clear();
    stream.shown.clear();
    stream.epoch = epoch;
    stream.position = position;
    stream.flushed = position;
    stream.clean = true;
  }

  #interest(stream: RelayStream): Promise<InterestReply> {
    const { name, generation, epoch, phase } = stream;
    const position = phase === "live" ? { position: { epoch, offset: stream.position } } : {};
    const call = this.#deps.hub(name).interest({ v: 1, stream: name, relay: this.#deps.relayName(), generation, ...position });
    return withTimeout(call, hubTimeoutMs, "interest");
  }

  deliver(request: DeliverRequest): DeliverReply {
    const stream = this.#streams.get(request.stream);
    const decision = decideDeliver(stream, request);
    if (decision.kind === "refuse" || stream === undefined) {
      return decision.kind === "refuse" ? decision.reply : { v: 1, kind: "gone", generation: request.generation };
    }
    if (decision.jumpTo !== undefined) this.#jump(stream, decision.epoch, decision.jumpTo);
    if (decision.rows.length > 0) this.#take(stream, decision.rows, decision.position);
    return { v: 1, kind: "at", position: stream.position };
  }

  #take(stream: RelayStream, rows: readonly LogRow[], position: number): void {
    if (stream.clean) this.#deps.store.markDirty(stream.name);
    stream.clean = false;
    stream.position = position;
    stream.ring.append(rows);
    for (const row of rows) stream.pendingBytes += row.lines.length;
    stream.pending.push(...rows);
    for (const wake of stream.waiters.splice(0)) wake();
    this.#deps.onPending();
    if (stream.pendingBytes > pendingBytesMax) this.flush(stream);
  }

  #jump(stream: RelayStream, epoch: string, position: number): void {
    logWarning("relay.stream.jumped", { stream: stream.name, from: stream.position, to: position, foreign: epoch !== stream.epoch });
    this.#deps.wakeSockets();
    this.flush(stream);
    // Native subscribers can't go on from what they have; they come back by position.
    this.#deps.audience.lose(stream.name);
    this.#moveTo(stream, epoch, position);
    this.#save(rowOf(stream));
  }

  flushAll(): void {
    this.#turn += 1;
    for (const stream of this.#streams.values()) this.#send(stream);
  }

  /** Out of turn: before a jump, before a client joins beyond what was sent, or because too much is pending. */
  flush(stream: RelayStream): void {
    this.#turn += 1;
    this.#send(stream);
  }

  #send(stream: RelayStream): void {
    if (stream.pending.length === 0) return;
    this.#deps.wakeSockets();
    const rows = stream.pending;
    stream.pending = [];
    stream.pendingBytes = 0;
    stream.flushed = stream.position;
    const events = rows.flatMap((row) => eventsOf(row).map((positioned) => new LiveEvent(positioned)));
    if (this.#deps.audience.hasLegacy(stream.name)) stream.shown.note(events);
    const { name, epoch, shown } = stream;
    this.#deps.audience.publish({ stream: name, epoch, events, turn: this.#turn, shownOf: (event) => shown.before(event) });
  }

  /** A burst is over: every socket has been sent everything up to the position that is written now. */
  settle(): void {
    for (const stream of this.#streams.values()) {
      if (stream.clean || stream.phase !== "live" || stream.pending.length > 0) continue;
      stream.clean = true;
      this.#save(rowOf(stream));
      this.#deps.audience.settle(stream.name);
    }
    this.#deps.audience.tellPositions(renewEveryMs);
  }

  /** Whether somebody subscribes decides when the interest ends. */
  onAudience(name: string): void {
    const stream = this.find(name);
    const isHeard = this.#deps.audience.isHeard(name);
    if (isHeard === (stream.idleSinceMs === undefined)) return;
    stream.idleSinceMs = isHeard ? undefined : this.#deps.now();
    // A dirty row stays dirty: only settle() may say what sockets have been sent.
    this.#save(stream.phase === "live" ? rowOf(stream) : { ...rowOf(stream), epoch: "", position: 0 });
  }

  /** Each 30 s for every stream: renew, leave or join again. Never throws. */
  async renewAll(): Promise<void> {
    this.#deps.audience.tellPositions(renewEveryMs);
    await Promise.all([...this.#streams.values()].map((stream) => this.#tend(stream)));
  }

  async #tend(stream: RelayStream): Promise<void> {
    try {
      if (stream.phase === "live" && isOver(stream, this.#deps.now())) await this.#leave(stream);
      else if (stream.phase === "live") await this.renew(stream);
      else if (isOrphaned(stream)) await this.joined(stream);
    } catch (error) {
      logWarning("relay.renewal.failed", { stream: stream.name, reason: messageOf(error) });
    }
  }

  /** Says where the relay stands; the hub pushes what it lacks. Answers the hub's top. */
  async renew(stream: RelayStream): Promise<InterestReply> {
    const { phase, generation, epoch, position } = stream;
    const reply = await this.#interest(stream);
    const jump = decideRenewal({ phase, generation, epoch, position }, stream, reply);
    if (jump !== undefined) this.#jump(stream, jump.epoch, jump.jumpTo);
    return reply;
  }

  /** Waits a little until the hub has pushed up to `offset`. A client may know more than this relay, never more than its hub. */
  async caughtUp(stream: RelayStream, offset: number): Promise<void> {
    const { epoch } = stream;
    const { top } = await this.renew(stream);
    const untilMs = this.#deps.now() + catchUpMs;
    while (stream.epoch === epoch && stream.position < offset && offset <= top && this.#deps.now() < untilMs) {
      await moved(stream, untilMs - this.#deps.now());
    }
  }

  async #leave(stream: RelayStream): Promise<void> {
    const { name, generation } = stream;
    stream.phase = "idle";
    stream.pending = [];
    stream.pendingBytes = 0;
    stream.clean = true;
    stream.ring.clear();
    this.#save({ ...rowOf(stream), epoch: "", position: 0 });
    await withTimeout(this.#deps.hub(name).leave({ v: 1, stream: name, relay: this.#deps.relayName(), generation }), hubTimeoutMs, "leave");
  }

  #save(row: StreamRow): void {
    this.#deps.store.saveStream(row);
  }
}
