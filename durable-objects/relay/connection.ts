/** One socket: what survives in its attachment, how it is sent to, and how fast it may talk. */
import type { Closing, Dialect, Reply } from "../../channels/dialects/dialect.ts";
import { dialects, type DialectName } from "../../channels/dialects/index.ts";
import type { Claims } from "../../platform/token.ts";
import { ackEveryMs, socketMessagesBurst, socketMessagesPerMinute } from "../../schemas/limits.ts";
import { ackedChannelsMax, conflateBytesMax, ghostAfterMs } from "./bounds.ts";
import { judge, Receipts, type Sent, type Verdict } from "./flow.ts";
import type { Group } from "./groups.ts";

export type Speech =
  /** A bare socket that has not shown yet what it speaks. */
  "pending" | DialectName;

/** Kept by the platform with the socket while the object sleeps. */
export interface Attachment {
  readonly v: 1;
  readonly id: string;
  readonly dialect: Speech;
  readonly batch: boolean;
  readonly openedAtMs: number;
  /** The region nearest to the client, where it is another than this. */
  readonly home?: string | undefined;
  readonly claims?: Claims;
  /** When to tell that the token is about to expire; absent once that was told. */
  readonly noticeAtMs?: number;
  /** The handshake of a dialect that has one is done. */
  readonly greeted?: boolean;
  /** Legacy: the position per stream at which this socket joined. */
  readonly joined?: Readonly<Record<string, number>>;
  /** Names of channels whose comings and goings it wants to hear. */
  readonly watches?: readonly string[];
  /** Its address offers acknowledgements for whatever it subscribes to. */
  readonly ack?: boolean | undefined;
  /** Names of channels whose events it acknowledges. */
  readonly acks?: readonly string[];
}

export class Connection {
  readonly id: string;
  readonly batch: boolean;
  readonly openedAtMs: number;
  readonly home: string | undefined;
  dialect: Speech;
  claims: Claims | undefined;
  noticeAtMs: number | undefined;
  greeted: boolean;
  joined: Record<string, number>;
  readonly watches: Set<string>;
  readonly ack: boolean | undefined;
  readonly acks: Set<string>;
  open = true;
  /** What was sent and is not read, as far as that can be known; of the last look. */
  unreadBytes = 0;
  /** Last ping that this object has answered itself. */
  pingedAtMs: number | undefined;
  /** By canonical channel name; one subscription per channel. */
  readonly groups = new Map<string, Group>();
  /** Frames are handled one after the other: an unsubscribe never overtakes the subscribe before it. */
  work: Promise<void> = Promise.resolve();
  readonly #socket: WebSocket;
  /** Recent runtimes say what is unsent: then nobody need be asked. */
  readonly #measures: boolean;
  readonly #bucket = { tokens: socketMessagesBurst, atMs: 0 };
  #silence: ReturnType<typeof setTimeout> | undefined;
  #checkedTurn = Number.NaN;
  #verdict: Verdict = "ok";
  #sentBytes = 0;
  #second = { atMs: 0, sentBytes: 0 };
  #receipts: Receipts | undefined;
  /** Bytes of a recovery still allowed on top of the bound: they were sent in one go, on purpose. */
  #allowance = 0;

  constructor(socket: WebSocket, attachment: Attachment) {
    this.#socket = socket;
    this.#measures = "bufferedAmount" in socket;
    this.id = attachment.id;
    this.batch = attachment.batch;
    this.openedAtMs = attachment.openedAtMs;
    this.home = attachment.home;
    this.dialect = attachment.dialect;
    this.claims = attachment.claims;
    this.noticeAtMs = attachment.noticeAtMs;
    this.greeted = attachment.greeted ?? false;
    this.joined = { ...attachment.joined };
    this.watches = new Set(attachment.watches);
    this.ack = attachment.ack;
    this.acks = new Set(attachment.acks);
    if (!this.#measures && this.acks.size > 0) this.#receipts = new Receipts(0);
  }

  /** `onSilence` comes unless the client is greeted, or gone, before. A timer that is left running would keep the object from sleeping. */
  awaitGreeting(waitMs: number, onSilence: () => void): void {
    this.#silence = setTimeout(onSilence, waitMs);
  }

  greet(): void {
    this.greeted = true;
    this.hush();
    this.save();
  }

  hush(): void {
    if (this.#silence !== undefined) clearTimeout(this.#silence);
  }

  save(): void {
    const { id, dialect, batch, openedAtMs, home, claims, noticeAtMs, greeted, joined, ack } = this;
    const watches = namesOf(this.watches);
    const acks = namesOf(this.acks);
    // Undefined fields are left out: an attachment has 16 KB.
    this.#socket.serializeAttachment(
      JSON.parse(JSON.stringify({ v: 1, id, dialect, batch, openedAtMs, home, claims, noticeAtMs, greeted, joined, watches, ack, acks })),
    );
  }

  /** What reads its messages and words what it is told. */
  get speaks(): Dialect {
    return dialects[this.dialect === "pending" ? "native" : this.dialect];
  }

  isExpired(nowMs: number): boolean {
    return this.claims !== undefined && this.claims.exp * 1_000 <= nowMs;
  }

  /** A client that used to ping and no longer does is gone, though nobody said so. One that never pinged may be silent for ever.
   *  `answeredAtMs`: when the platform last answered the socket's ping by itself. */
  isGhost(nowMs: number, answeredAtMs: (socket: WebSocket) => number | undefined): boolean {
    const pingedAtMs = Math.max(this.pingedAtMs ?? 0, answeredAtMs(this.#socket) ?? 0);
    return pingedAtMs > 0 && nowMs - pingedAtMs > ghostAfterMs;
  }

  /** Takes one message from the allowance of 50 a minute with a burst of 256. */
  takeMessage(nowMs: number): boolean {
    const bucket = this.#bucket;
    const refill = ((nowMs - bucket.atMs) * socketMessagesPerMinute) / 60_000;
    bucket.tokens = Math.min(socketMessagesBurst, bucket.tokens + Math.max(0, refill));
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  tell(reply: Reply): void {
    for (const text of this.#render(reply)) this.send(text);
  }

  /** Many events at once, on purpose: they do not count as slowness. */
  catchUp(reply: Reply): void {
    const texts = this.#render(reply);
    this.allow(texts.reduce((sum, text) => sum + text.length, 0));
    for (const text of texts) this.send(text);
  }

  #render(reply: Reply): readonly string[] {
    const acks = reply.kind === "subscribed" && this.#receipts !== undefined && this.acks.has(reply.run.channel);
    return this.speaks.write(reply, { batch: this.batch, joinedAt: 0, ackEveryMs: acks ? ackEveryMs : undefined });
  }

  /** Sending to a socket that is gone is no error: its close event follows. */
  send(text: string): void {
    if (!this.open) return;
    this.#sentBytes += text.length;
    try {
      this.#socket.send(text);
    } catch {
      this.open = false;
    }
  }

  /** What a recovery puts into the buffer at once does not count as slowness. */
  allow(bytes: number): void {
    this.#allowance += bytes;
  }

  /** Looks at the socket once per flush, before it is filled again: what is left from earlier flushes tells the slow reader. */
  pressure(turn: number, nowMs: number): Verdict {
    if (this.#checkedTurn === turn) return this.#verdict;
    this.#checkedTurn = turn;
    if (nowMs - this.#second.atMs >= 1_000) this.#second = { atMs: nowMs, sentBytes: this.#sentBytes };
    this.measure(nowMs);
    const secondBytes = this.#sentBytes - this.#second.sentBytes;
    this.#verdict = judge({ unreadBytes: this.unreadBytes, allowedBytes: this.#allowance, secondBytes });
    return this.#verdict;
  }

  measure(nowMs: number): void {
    const bytes = this.#measures
      ? Number((this.#socket as { bufferedAmount?: number }).bufferedAmount)
      : (this.#receipts?.unreadBytes(this.#sentBytes) ?? 0);
    if (bytes <= conflateBytesMax) this.#allowance = 0;
    this.unreadBytes = this.#measures || this.#receipts?.isOverdue(nowMs) === true ? bytes : 0;
  }

  /** Whether it acknowledges the channel's events; where the runtime shows what is unsent it is not asked to. */
  expectAcks(channel: string, isOffered: boolean): void {
    const isAsked = isOffered && !this.#measures;
    if (this.acks.has(channel) === isAsked) return;
    this.acks.delete(channel);
    if (isAsked) {
      for (const name of this.acks) if (!this.groups.has(name)) this.acks.delete(name);
      if (this.acks.size >= ackedChannelsMax) return;
      this.acks.add(channel);
      this.#receipts ??= new Receipts(this.#sentBytes);
    }
    this.save();
  }

  /** Everything sent so far ends with this offset. */
  sentUpTo(sent: Sent): void {
    if (this.#receipts !== undefined && this.acks.has(sent.channel)) this.#receipts.sent(sent, this.#sentBytes);
  }

  acknowledge(channel: string, offset: number): void {
    this.#receipts?.acked(channel, offset);
  }

  /** Its subscription is over. */
  forget(channel: string): void {
    this.#receipts?.forget(channel);
  }

  close(closing: Closing): void {
    this.open = false;
    const { code, reason } = this.speaks.close(closing);
    try {
      this.#socket.close(code, reason);
    } catch {
      // Closed already.
    }
  }
}

function namesOf(names: ReadonlySet<string>): string[] | undefined {
  return names.size === 0 ? undefined : [...names];
}
