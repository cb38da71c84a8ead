/** How many relays each region has and which regions get no new sockets: what operators set, as it is kept in CONFIG_CACHE. */
import { z } from "zod";
import { locationHints } from "../platform/config.ts";

/** A region's relays are numbered from 0; more than these are a mistake. */
export const shardsMax = 256;

export const Placement = z.strictObject({
  v: z.literal(1),
  /** Relays by region; one where a region is not named. */
  shards: z.partialRecord(z.enum(locationHints), z.int().min(1).max(shardsMax)).default({}),
  drained: z.array(z.enum(locationHints)).max(locationHints.length).default([]),
});
export type Placement = z.infer<typeof Placement>;

export const defaultPlacement: Placement = { v: 1, shards: {}, drained: [] };
