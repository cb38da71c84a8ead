/** Tells a statement that can never succeed from a database that is unwell. Only the first kind may end as a dead letter. */
import { messageOf } from "../platform/errors.ts";

/** What SQLite says of the values themselves. Everything else counts as an outage: a network error, a reset, an overload, a name
 *  nobody has seen yet, and also a missing table or column, which is a deploy gone wrong and not a fault of the row. */
const valueFaults =
  /SQLITE_CONSTRAINT|SQLITE_MISMATCH|SQLITE_TOOBIG|constraint failed|datatype mismatch|malformed JSON|too big|cannot store/i;

export function isValueFault(error: unknown): boolean {
  return valueFaults.test(messageOf(error));
}
