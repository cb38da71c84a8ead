/** Frames of the native dialect (CONTRACT 5.1), made by joining text around an event's own wire text. */
import type { LiveEvent } from "./live-event.ts";

export interface NativeHead {
  readonly channel: string;
  readonly epoch: string;
}

/** `opportunity.detected` → `opportunity_detected`. `prev` is the previous offset that matched the channel and filter. */
export function renderNative({ channel, epoch }: NativeHead, event: LiveEvent, prev: number): string {
  const type = event.type.replaceAll(".", "_");
  // Channel names are [a-z0-9_:-] and epochs ours: neither needs escaping.
  return `{"type":"${type}","channel":"${channel}","epoch":"${epoch}","offset":${event.offset},"prev":${prev},${event.nativeTail}`;
}

export function renderPosition(channel: string, offset: number): string {
  return `{"type":"position","channel":"${channel}","offset":${offset}}`;
}

/** One batch frame stays well under what clients take as one message; a lone frame is at most an event. */
const batchCharsMax = 262_144;

/** Several frames in one send, for sockets opened with `?batch=1`. */
export function renderBatches(frames: readonly string[]): string[] {
  const batches: string[] = [];
  let open: string[] = [];
  let chars = 0;
  const close = (): void => {
    if (open.length > 0) batches.push(`{"type":"batch","frames":[${open.join(",")}]}`);
    open = [];
    chars = 0;
  };
  for (const frame of frames) {
    if (chars + frame.length > batchCharsMax) close();
    open.push(frame);
    chars += frame.length;
  }
  close();
  return batches;
}

/** Renders a run of matching events whose first predecessor is `prev`. */
export function renderRun(head: NativeHead, events: readonly LiveEvent[], prev: number): string[] {
  let last = prev;
  return events.map((event) => {
    const frame = renderNative(head, event, last);
    last = event.offset;
    return frame;
  });
}
