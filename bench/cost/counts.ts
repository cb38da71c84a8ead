/** What a run counts: operations by dotted name, the same on the Worker's side and on ours. The first part says which price applies,
 *  the rest who did it: `object.Channel.publish`, `rows.written.Channel.insert.log`, `queue.hot-cache.write`, `d1.written.opportunities.insert`. */

export type Counts = Readonly<Record<string, number>>;

export function totalOf(counts: Counts, prefix: string): number {
  return Object.entries(counts).reduce((sum, [name, count]) => (name === prefix || name.startsWith(`${prefix}.`) ? sum + count : sum), 0);
}

/** What came to `before` since then. */
export function since(before: Counts, after: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after)
      .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
      .filter(([, count]) => count !== 0),
  );
}

export function sum(...all: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  return total;
}

export function pick(counts: Counts, wanted: (name: string) => boolean): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([name]) => wanted(name)));
}
