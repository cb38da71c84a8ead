/** Writes all events but those the database will never take. A statement fails as a whole, so a failure that is the values' own
 *  fault halves the batch until the poison stands alone; halves are conflated anew, so an entity whose newest state is poison keeps
 *  the state before it. Order does not matter: the version guard decides. */
import { messageOf } from "../platform/errors.ts";

export interface WriteDeps<T> {
  write(events: readonly T[]): Promise<unknown>;
  isValueFault(error: unknown): boolean;
}

/** Returns the events refused for good. Throws what `write` throws when it is an outage. */
export async function writeAround<T>(events: readonly T[], deps: WriteDeps<T>): Promise<{ event: T; reason: string }[]> {
  const [first] = events;
  if (first === undefined) return [];
  try {
    await deps.write(events);
    return [];
  } catch (error) {
    if (!deps.isValueFault(error)) throw error;
    if (events.length === 1) return [{ event: first, reason: messageOf(error) }];
  }
  const middle = Math.ceil(events.length / 2);
  const head = await writeAround(events.slice(0, middle), deps);
  return [...head, ...(await writeAround(events.slice(middle), deps))];
}
