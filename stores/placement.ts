/** Placement in KV: set by operators, read by every isolate that places a socket. A change is known everywhere within a minute. */
import { defaultPlacement, Placement } from "../schemas/placement.ts";

const key = "placement";
/** The shortest that KV keeps an answer in a data centre. */
const cacheSeconds = 30;

/** The default when nothing is set. Throws when KV does not answer or what it holds is no placement. */
export async function readPlacement(kv: KVNamespace): Promise<Placement> {
  const stored: unknown = await kv.get(key, { type: "json", cacheTtl: cacheSeconds });
  return stored === null ? defaultPlacement : Placement.parse(stored);
}

export async function writePlacement(kv: KVNamespace, placement: Placement): Promise<void> {
  await kv.put(key, JSON.stringify(placement));
}
