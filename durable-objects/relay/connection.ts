/** One socket: what survives in its attachment, how it is sent to, and how fast it may talk. */
import { renderBatches } from "../../channels/dialects/native.ts";
import type { Claims } from "../../platform/token.ts";
import { socketMessagesBurst, socketMessagesPerMinute } from "../../schemas/limits.ts";
import type { ServerFrame } from "../../schemas/socket.ts";
import { bufferedBytesMax } from "./bounds.ts";
import type { Group } from "./groups.ts";

export type Dialect =
  /** A bare socket that has not shown yet what it speaks. */
  "pending" | "native" | "legacy";

/** Kept by the platform with the socket while the object sleeps. */
export interface Attachment {
  readonly v: 1;
  readonly id: string;
  readonly dialect: Dialect;
  readonly batch: boolean;
  readonly openedAtMs: number;
  readonly claims?: Claims;
  /** Legacy: the position per stream at which this socket joined. */
  readonly joined?: Readonly<Record<string, number>>;
}

export class Connection {
  readonly id: string;
  readonly batch: boolean;
  readonly openedAtMs: number;
  dialect: Dialect;
  claims: Claims | undefined;
  joined: Record<string, number>;
  open = true;
  /** By canonical channel name; one subscription per channel. */
  readonly groups = new Map<string, Group>();
  /** Frames are handled one after the other: an unsubscribe never overtakes the subscribe before it. */
  work: Promise<void> = Promise.resolve();
  readonly #socket: WebSocket;
  readonly #bucket = { tokens: socketMessagesBurst, atMs: 0 };
  #checkedTurn = -1;
  /** Bytes of a recovery still allowed on top of the bound: they were sent in one go, on purpose. */
  #allowance = 0;

  constructor(socket: WebSocket, attachment: Attachment) {
    this.#socket = socket;
    this.id = attachment.id;
    this.batch = attachment.batch;
    this.openedAtMs = attachment.openedAtMs;
    this.dialect = attachment.dialect;
    this.claims = attachment.claims;
    this.joined = { ...attachment.joined };
  }

  save(): void {
    const { id, dialect, batch, openedAtMs, claims, joined } = this;
    this.#socket.serializeAttachment({ v: 1, id, dialect, batch, openedAtMs, ...(claims === undefined ? {} : { claims }), joined });
  }

  isExpired(nowMs: number): boolean {
    return this.claims !== undefined && this.claims.exp * 1_000 <= nowMs;
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

  answer(frame: ServerFrame): void {
    this.send(JSON.stringify(frame));
  }

  /** Sending to a socket that is gone is no error: its close event follows. */
  send(text: string): void {
    if (!this.open) return;
    try {
      this.#socket.send(text);
    } catch {
      this.open = false;
    }
  }

  sendAll(frames: readonly string[]): void {
    for (const frame of this.batch ? renderBatches(frames) : frames) this.send(frame);
  }

  /** What a recovery puts into the buffer at once does not count as slowness. */
  allow(bytes: number): void {
    this.#allowance += bytes;
  }

  /** Looks at the socket's buffer once per flush, before it is filled again: what is left from earlier flushes tells the slow reader. */
  isSlow(turn: number): boolean {
    if (this.#checkedTurn === turn) return false;
    this.#checkedTurn = turn;
    // Only recent runtimes have bufferedAmount.
    const buffered = "bufferedAmount" in this.#socket ? Number(this.#socket.bufferedAmount) : 0;
    if (buffered <= bufferedBytesMax) this.#allowance = 0;
    return buffered > bufferedBytesMax + this.#allowance;
  }

  close(code: number, reason: string): void {
    this.open = false;
    try {
      this.#socket.close(code, reason);
    } catch {
      // Closed already.
    }
  }
}
