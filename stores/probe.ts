/** The cheapest question each store can answer, for /health. Resolves when it did, rejects when it did not. */

export async function probeDatabase(database: D1Database): Promise<void> {
  await database.prepare("SELECT 1").first();
}

/** A fixed key that need not exist: absent is an answer. */
export async function probeBucket(bucket: R2Bucket): Promise<void> {
  await bucket.head("health/probe");
}

export async function probeNamespace(namespace: KVNamespace): Promise<void> {
  await namespace.get("health/probe");
}
