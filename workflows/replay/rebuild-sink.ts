/** Writes a replay into the hot cache in place, as the consumer of live events does: the version guard lets both go on at once, and makes a
 *  batch that comes again do nothing. To verify, the same lines fill fresh tables, which are compared with the live ones in the end. */
import { readStreamEvent } from "../../channels/stream-event.ts";
import { replayDifferencesMax, replayPruneMarginMs } from "../../schemas/limits-replay.ts";
import { isValueFault } from "../../stores/d1-errors.ts";
import { findHotTable, hotTables } from "../../stores/hot-cache-tables.ts";
import type { HotTable, Placed } from "../../stores/hot-cache-tables.ts";
import { compareFresh, createFresh, dropFresh, dropLeftovers, freshTable } from "../../stores/hot-cache-verify.ts";
import type { Comparison } from "../../stores/hot-cache-verify.ts";
import { applyNewest, horizonOf, writeHotCache } from "../../stores/hot-cache.ts";
import type { HotDatabases } from "../../stores/prune.ts";
import { unfinishedReplays } from "../../stores/replay-channels.ts";
import type { ReplayStores } from "../../stores/replay-channels.ts";
import { writeAround } from "../../stores/write-around.ts";
import type { ReplayLine, ReplaySink, Taken } from "./sink.ts";

export interface RebuildWish {
  readonly id: string;
  readonly verify: boolean;
  /** Whether lines of the window are left out: then a live row that the log did not give proves nothing. */
  readonly isFiltered: boolean;
  readonly now?: () => number;
}

export function rebuildSink(env: HotDatabases & ReplayStores, wish: RebuildWish): ReplaySink {
  const rebuild = new Rebuild(env, wish);
  return {
    take: (lines) => rebuild.take(lines),
    finish: () => rebuild.finish(),
    clean: () => rebuild.clean(),
  };
}

class Rebuild {
  readonly #env: HotDatabases & ReplayStores;
  readonly #wish: RebuildWish;
  readonly #now: () => number;
  readonly #fresh = new Map<string, HotTable>();

  constructor(env: HotDatabases & ReplayStores, wish: RebuildWish) {
    this.#env = env;
    this.#wish = wish;
    this.#now = wish.now ?? Date.now;
  }

  async take(lines: readonly ReplayLine[]): Promise<Taken> {
    let [applied, skipped] = [0, 0];
    for (const [stream, group] of Map.groupBy(lines, (line) => line.stream)) {
      const table = findHotTable(stream);
      const counts = table === undefined ? { applied: 0, skipped: group.length } : await this.#write(table, group);
      applied += counts.applied;
      skipped += counts.skipped;
    }
    return { applied, unchanged: lines.length - applied - skipped, skipped };
  }

  /** Skipped is what is no event, what is pruned already, and what the database refuses. */
  async #write(table: HotTable, lines: readonly ReplayLine[]): Promise<{ readonly applied: number; readonly skipped: number }> {
    const now = this.#now();
    const placed = lines.flatMap((line) => placedOf(line) ?? []).filter(({ version }) => version.timeMs >= horizonOf(table, now));
    const live = await around(placed, (states) => writeHotCache(this.#env, { table, placed: states, now }));
    if (this.#wish.verify) {
      const fresh = await this.#freshOf(table);
      await around(placed, (states) => applyNewest(this.#env[table.database], { table: fresh, placed: states, now }));
    }
    return { applied: live.changed, skipped: lines.length - placed.length + live.refused };
  }

  async #freshOf(table: HotTable): Promise<HotTable> {
    const known = this.#fresh.get(table.name);
    if (known !== undefined) return known;
    await dropLeftovers(this.#env[table.database], (ids) => this.#keeps(ids));
    const fresh = await createFresh(this.#env, this.#wish.id, table);
    this.#fresh.set(table.name, fresh);
    return fresh;
  }

  /** What a cancelled replay has filled is gone: were it resumed, only what comes then is compared. */
  async #keeps(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set([this.#wish.id, ...(await unfinishedReplays(this.#env, ids))]);
  }

  async finish(): Promise<Readonly<Record<string, unknown>>> {
    return this.#wish.verify ? { verified: await this.#verify() } : {};
  }

  async clean(): Promise<void> {
    if (!this.#wish.verify) return;
    for (const table of hotTables) await dropFresh(this.#env, freshTable(this.#wish.id, table));
  }

  async #verify(): Promise<Comparison> {
    const found: Comparison[] = [];
    let room = replayDifferencesMax;
    for (const table of hotTables) {
      const horizonMs = horizonOf(table, this.#now()) + replayPruneMarginMs;
      const fresh = freshTable(this.#wish.id, table);
      const comparison = await compareFresh(this.#env, { table, fresh, horizonMs, differencesMax: room, isWhole: !this.#wish.isFiltered });
      if (comparison === undefined) continue;
      found.push(comparison);
      room -= comparison.different.length;
    }
    return summed(found);
  }
}

/** Undefined for what the log keeps although it is no event of the stream. */
function placedOf({ stream, epoch, offset, text }: ReplayLine): Placed | undefined {
  const read = readStreamEvent(stream, text);
  return "reason" in read ? undefined : { ...read, epoch, offset };
}

async function around(
  placed: readonly Placed[],
  write: (states: readonly Placed[]) => Promise<{ readonly changed: number }>,
): Promise<{ readonly changed: number; readonly refused: number }> {
  let changed = 0;
  const refused = await writeAround(placed, {
    write: async (states) => {
      changed += (await write(states)).changed;
    },
    isValueFault,
  });
  return { changed, refused: refused.length };
}

function summed(found: readonly Comparison[]): Comparison {
  const sum = (name: "compared" | "equal" | "newer" | "unequal"): number => found.reduce((total, each) => total + each[name], 0);
  return {
    compared: sum("compared"),
    equal: sum("equal"),
    newer: sum("newer"),
    unequal: sum("unequal"),
    different: found.flatMap(({ different }) => different),
  };
}
