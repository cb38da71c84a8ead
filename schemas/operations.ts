/** What objects count of themselves, by name. The first part says which price applies, the rest who did it: `object.channel.publish`,
 *  `object.relay.deliver`, `rows.channel`, `queue.hot-cache`, `d1.hot-cache`, `awake.channel`. */
import { z } from "zod";

export const OperationCounts = z.record(z.string(), z.number());
export type OperationCounts = Readonly<Record<string, number>>;

export const OperationSlot = z.object({
  /** Start of the ten minutes, epoch ms. */
  at: z.number(),
  counts: OperationCounts,
});
export interface OperationSlot {
  readonly at: number;
  readonly counts: OperationCounts;
}

/** What a relay did since it last told: rides on a registration that is sent anyway. */
export interface RelayUse {
  readonly upgrades: number;
  readonly socketMessages: number;
  readonly alarms: number;
  readonly rowsWritten: number;
  readonly awakeMs: number;
}
