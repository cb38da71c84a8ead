/** What subscribers see: the whole stream or one chain of it, event by event or several a frame. A group is everybody who gets the same
 *  frames (durable-objects/relay/groups.ts). */
import { renderBatches, renderNative } from "../channels/dialects/native.ts";
import { LiveEvent } from "../channels/dialects/live-event.ts";
import { newEpoch } from "../durable-objects/channel/epoch.ts";
import { mixed } from "./random.ts";

/** Of the one stream of a run. */
export const epoch = newEpoch(0, 0.5);

export interface GroupKind {
  /** 0 is the whole stream, others a chain. */
  readonly view: number;
  /** Several events a frame. */
  readonly batch: boolean;
}

/** Shares of a stream's events by chain: illustrative, a few chains have most of the trade. */
const chainWeights = [32, 20, 16, 12, 8, 6, 4, 2] as const;
const chainSum = chainWeights.reduce((all, weight) => all + weight, 0);
export const viewCount = chainWeights.length + 1;

export const groupKinds: readonly GroupKind[] = Array.from({ length: viewCount * 2 }, (_, index) => ({
  view: Math.floor(index / 2),
  batch: index % 2 === 1,
}));

/** Shares of the subscribers, in the order of `groupKinds`. Filtered ones spread like the events. */
export function groupShares({ filters, batchFrames }: { readonly filters: number; readonly batchFrames: number }): number[] {
  return groupKinds.map(({ view, batch }) => {
    const ofView = view === 0 ? 1 - filters : (filters * (chainWeights[view - 1] ?? 0)) / chainSum;
    return ofView * (batch ? batchFrames : 1 - batchFrames);
  });
}

const chainOfSlot = chainWeights.flatMap((weight, chain) => Array.from({ length: weight }, () => chain + 1));

/** The chain of the event at this offset: the same for whoever asks. */
function viewOf(offset: number): number {
  return chainOfSlot[mixed(offset) % chainSum] ?? 1;
}

/** Events of each view among these offsets. */
export function countByView(first: number, count: number): Uint32Array {
  const counts = new Uint32Array(viewCount);
  counts[0] = count;
  for (let offset = first; offset < first + count; offset++) {
    const view = viewOf(offset);
    counts[view] = (counts[view] ?? 0) + 1;
  }
  return counts;
}

/** Mean share of the events that a view shows. */
export function shareOfView(view: number): number {
  return view === 0 ? 1 : (chainWeights[view - 1] ?? 0) / chainSum;
}

export interface FrameBytes {
  /** An event's own frame. */
  readonly event: number;
  /** What a batch frame adds to the frames in it: once, and for each but the first. */
  readonly batch: number;
  readonly separator: number;
}

/** Rendered by the native dialect itself, once, for an event of this size. */
export function frameBytesOf(eventBytes: number): FrameBytes {
  const live = new LiveEvent({ offset: 123_456, at: 0, stale: false, earlier: 0, text: sampleText(eventBytes) });
  const frame = renderNative({ channel: "opportunities", epoch }, live, 123_455);
  const size = (count: number): number => renderBatches(Array.from({ length: count }, () => frame)).join("").length;
  const batch = size(1) - frame.length;
  return { event: frame.length, batch, separator: Math.max(0, size(2) - 2 * frame.length - batch) };
}

/** A wire text with attributes as long as recorded ones have. */
function sampleText(bytes: number): string {
  const attributes = { id: "arb-2e23b8a57e9977d938aa-0", source: "contabo/arbitrum-searcher", type: "opportunity.detected" };
  const head = JSON.stringify({ specversion: "1.0", ...attributes, subject: attributes.id, time: "2026-11-24T02:00:00.123Z" });
  const fill = "x".repeat(Math.max(0, bytes - head.length - ',"data":{"":""}'.length));
  return `${head.slice(0, -1)},"data":{"":"${fill}"}}`;
}
