/** What the design promises of a fan-out, as ratios within one run. Pure. */
import type { Cell } from "./cells.ts";

export interface Target {
  readonly cell: Cell;
  readonly ours: string;
  readonly against: string;
  readonly ratioMax: number;
  /** Of our deliveries. */
  readonly p50MsMax?: number;
}

const hundred: Cell = { sockets: 100, eventsPerSecond: 200 };
const thousand: Cell = { sockets: 1_000, eventsPerSecond: 100 };
const threeThousand: Cell = { sockets: 3_000, eventsPerSecond: 10 };
const batch = "edge, batch";
const single = "edge";

export const targets: readonly Target[] = [
  { cell: hundred, ours: batch, against: "bare", ratioMax: 0.4 },
  { cell: hundred, ours: batch, against: "party", ratioMax: 0.33 },
  { cell: thousand, ours: batch, against: "bare", ratioMax: 0.2, p50MsMax: 100 },
  { cell: threeThousand, ours: batch, against: "bare", ratioMax: 0.2, p50MsMax: 100 },
  { cell: hundred, ours: single, against: "bare", ratioMax: 1.2 },
  { cell: thousand, ours: single, against: "bare", ratioMax: 1.2 },
  { cell: threeThousand, ours: single, against: "bare", ratioMax: 1.2 },
  { cell: { sockets: 100, eventsPerSecond: 1_000 }, ours: batch, against: "nchan", ratioMax: 1.5 },
];
