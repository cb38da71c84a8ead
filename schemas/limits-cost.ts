/** How closely the edge counts what it is billed for: each bound with its reason. */

/** Counts are kept for each ten minutes: the last hour is then known to a sixth, and a day is 145 small records. */
export const operationSlotMs = 10 * 60_000;
/** A day, and the slot that is under way. */
export const operationSlotsMax = 145;
/** A channel writes its counts this often at most, with a call that is there anyway: thirty rows an hour, $0.00003. Between that they ride along
 *  with its progress. */
export const operationsSaveEveryMs = 2 * 60_000;
/** An object is billed until about ten seconds after its last call. */
export const objectIdleMs = 10_000;
/** What a day of slots is asked for at most. */
export const costHoursMax = 24;
