/** How far a socket may lag behind what it is sent (DESIGN 11): conflated above one bound, closed above another. Pure but for the counts
 *  it keeps; what conflation does is lane.ts's, who is closed is audience.ts's. */
import { ackEveryMs } from "../../schemas/limits.ts";
import { bufferedBytesMax, conflateBytesMax, socketBytesPerSecond } from "./bounds.ts";

/** Streams whose entities' newest states stand for all before them. Of alerts and workflows each event counts: they are never left out. */
const conflated: ReadonlySet<string> = new Set(["opportunities", "executions", "strategies", "market", "metrics"]);

export function mayConflate(stream: string): boolean {
  return conflated.has(stream);
}

export type Verdict =
  | "ok"
  /** Only the newest state of each entity from now on, where the stream allows it. */
  | "conflate"
  /** The client comes back and recovers by position. */
  | "close";

export interface Load {
  readonly unreadBytes: number;
  /** Of these, sent in one go on purpose: a recovery is no slowness. */
  readonly allowedBytes: number;
  /** Sent within the present second. */
  readonly secondBytes: number;
}

export function judge({ unreadBytes, allowedBytes, secondBytes }: Load): Verdict {
  if (unreadBytes > bufferedBytesMax + allowedBytes) return "close";
  const isMuch = unreadBytes > conflateBytesMax + allowedBytes || secondBytes > socketBytesPerSecond + allowedBytes;
  return isMuch ? "conflate" : "ok";
}

/** A client says once a period how far it has read, and its word takes a while: what is younger than two periods may well be read. */
export const ackGraceMs = 2 * ackEveryMs;
/** Fine enough against a period, and few enough for 30,000 sockets. */
const markEveryMs = 1_000;
const marksMax = 32;

/** The end of what a channel's subscribers were sent; the same for all of them. */
export interface Sent {
  readonly channel: string;
  readonly offset: number;
  readonly atMs: number;
}

/** Changed in place: one a flush and socket would be much to throw away. */
interface Mark {
  channel: string;
  offset: number;
  /** All that the socket was sent up to this offset. */
  sentBytes: number;
  readonly atMs: number;
}

/** What a client has read, by its own word. A socket keeps its order: whoever has read an offset has read all that was sent before it,
 *  on whatever channel. */
export class Receipts {
  /** Oldest first; none that is acknowledged. */
  #marks: Mark[] = [];
  #readBytes: number;

  constructor(sentBytes: number) {
    this.#readBytes = sentBytes;
  }

  sent({ channel, offset, atMs }: Sent, sentBytes: number): void {
    const last = this.#marks.at(-1);
    if (last === undefined || (atMs - last.atMs >= markEveryMs && this.#marks.length < marksMax)) {
      this.#marks.push({ channel, offset, sentBytes, atMs });
      return;
    }
    last.channel = channel;
    last.offset = offset;
    last.sentBytes = sentBytes;
  }

  acked(channel: string, offset: number): void {
    const index = this.#marks.findLastIndex((mark) => mark.channel === channel && mark.offset <= offset);
    if (index === -1) return;
    this.#readBytes = this.#marks[index]?.sentBytes ?? this.#readBytes;
    this.#marks.splice(0, index + 1);
  }

  /** The subscription is over, or begins anew with other offsets: nobody acknowledges what it was sent. */
  forget(channel: string): void {
    this.#marks = this.#marks.filter((mark) => mark.channel !== channel);
  }

  unreadBytes(sentBytes: number): number {
    return sentBytes - this.#readBytes;
  }

  /** The client has not said for too long that it read what it was sent. */
  isOverdue(nowMs: number): boolean {
    const [oldest] = this.#marks;
    return oldest !== undefined && nowMs - oldest.atMs > ackGraceMs;
  }
}

/** So many a second, and some seconds' worth at once. */
export class Rate {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs = 0;

  constructor({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes all or nothing. */
  take(count: number, nowMs: number): boolean {
    if (this.left(nowMs) < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Whole ones. */
  left(nowMs: number): number {
    const refill = (Math.max(0, nowMs - this.#atMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#burst, this.#tokens + refill);
    this.#atMs = nowMs;
    return Math.floor(this.#tokens);
  }
}
