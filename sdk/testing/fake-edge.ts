/** For tests: sockets that a test opens, feeds and breaks by hand, and the frames that came out of them. Time is vitest's. */
import { vi } from "vitest";
import { Client, type ConnectOptions } from "../client/connect.ts";

export class FakeSocket extends EventTarget {
  static made: FakeSocket[] = [];
  readonly url: string;
  readonly atMs = Date.now();
  readyState = 0;
  binaryType = "blob";
  readonly sent: Record<string, unknown>[] = [];

  constructor(url: string) {
    super();
    this.url = url;
    FakeSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
  }

  open(): this {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
    return this;
  }

  says(...frames: readonly object[]): void {
    for (const frame of frames) this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  closes(code: number, reason = ""): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }

  sentOf(type: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame["type"] === type);
  }

  /** Answers the newest subscribe frame. */
  subscribes(over: object): void {
    const asked = this.sentOf("subscribe").at(-1);
    const { channel, id } = asked ?? {};
    this.says({ type: "subscribed", channel, id, epoch: "e1", recovered: false, was_recovering: asked?.["offset"] !== undefined, ...over });
  }
}

/** A client on fake sockets, with chance at its greatest, so that delays are the longest they can be. */
export function fakeClient(options: Partial<ConnectOptions> = {}): Client {
  FakeSocket.made = [];
  return new Client({ url: "https://edge.test/", WebSocket: FakeSocket, random: () => 1 - Number.EPSILON, ...options });
}

export function lastSocket(): FakeSocket {
  const socket = FakeSocket.made.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  return socket;
}

/** The next socket, opened, once the client has waited what it waits. */
export async function nextSocket(withinMs = 60_000): Promise<FakeSocket> {
  const before = FakeSocket.made.length;
  for (let ms = 0; ms <= withinMs && FakeSocket.made.length === before; ms += 50) await vi.advanceTimersByTimeAsync(50);
  if (FakeSocket.made.length === before) throw new Error(`no socket within ${withinMs} ms`);
  return lastSocket().open();
}

export function event(offset: number, over: object = {}): object {
  return {
    type: "opportunity_detected",
    channel: "opportunities",
    epoch: "e1",
    offset,
    prev: offset - 1,
    id: `event-${offset}`,
    time: "2026-11-24T02:00:00.000Z",
    data: { opportunity_id: `o-${offset}` },
    ...over,
  };
}
