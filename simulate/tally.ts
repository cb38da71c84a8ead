/** What a run is measured by: milliseconds, bytes, counts. */

/** Counted where it happens. */
export class Tally {
  posts = 0;
  /** Posts that waited longer for the channel than ingest does: they would have gone to the inbox queue. */
  latePosts = 0;
  /** From the hub. */
  directCalls = 0;
  /** From one relay to another. */
  carriedCalls = 0;
  /** Registrations and renewals. */
  interestCalls = 0;
  alarms = 0;
  /** Missed history that a relay asks the hub for. */
  historyCalls = 0;
  /** Calls to a relay that failed or timed out. */
  failedCalls = 0;
  logRows = 0;
  interestRows = 0;
  alarmRows = 0;
  hubBytes = 0;
  carriedBytes = 0;
  socketBytes = 0;
  frames = 0;
  /** Events times the sockets they reached. */
  deliveries = 0;
  /** Rows of the log that a relay took from the hub, or from a carrier. */
  rowsDirect = 0;
  rowsCarried = 0;
  // ---- faults
  /** Events that sockets would have missed without being told. */
  holes = 0;
  /** Events that were shown a second time. */
  repeats = 0;
  /** Jumps that subscribers were told of. */
  announced = 0;
  heals = 0;
  longestHeal: { readonly relay: string; readonly ms: number } | undefined;
  movedClients = 0;
  /** Clients who came back to less than all they had missed, and were told. */
  unrecovered = 0;
  longestOffMs = 0;
  /** Clients who were off for more than five seconds (issue 3). */
  offTooLong = 0;
}

/** A subscriber is off for no longer than this. */
export const offMsMax = 5_000;
