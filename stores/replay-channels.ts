/** Whether a replay of this id publishes, or has published, into a channel of its own: what the closed catalogue of streams ends with. */

export interface ReplayStores {
  readonly METRICS_DB: D1Database;
}

const prefix = "replay:";

/** `stream` is a name like `replay:{id}`. */
export async function hasReplayChannel({ METRICS_DB }: ReplayStores, stream: string): Promise<boolean> {
  const id = stream.slice(prefix.length);
  const known = await METRICS_DB.prepare("SELECT 1 AS known FROM replays WHERE id = ?1 AND mode = 'channel'").bind(id).first();
  return known !== null;
}

/** Those of the ids whose replay runs, or can be resumed where it stopped. */
export async function unfinishedReplays({ METRICS_DB }: ReplayStores, ids: readonly string[]): Promise<string[]> {
  const sql = `SELECT id FROM replays WHERE id IN (SELECT value FROM json_each(?1)) AND state NOT IN ('done', 'cancelled')`;
  const { results } = await METRICS_DB.prepare(sql).bind(JSON.stringify(ids)).all<{ id: string }>();
  return results.map(({ id }) => id);
}
