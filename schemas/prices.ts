/** Cloudflare's price sheet, paid plan, US dollars: what the bench and GET /ops/cost count with. Included monthly volumes are left out: at the
 *  owner's rate they are gone within a day. */

/** When these prices were read from developers.cloudflare.com. */
export const pricesReadOn = "2026-11";

const million = 1_000_000;

/** Dollars for one operation of each kind. */
export const prices = {
  workerRequest: 0.3 / million,
  workerCpuMs: 0.02 / million,
  /** A write, a read or a delete of up to 64,000 B; a delivered message is all three, a retry one more read. */
  queueOperation: 0.4 / million,
  /** Each RPC, fetch and alarm. Outgoing socket messages are free. */
  objectRequest: 0.15 / million,
  objectGbSecond: 12.5 / million,
  objectRowWritten: 1 / million,
  objectRowRead: 0.001 / million,
  d1RowWritten: 1 / million,
  d1RowRead: 0.001 / million,
  /** PUT and LIST, refused conditional writes as well. */
  r2ClassA: 4.5 / million,
  r2ClassB: 0.36 / million,
  kvWrite: 5 / million,
  kvRead: 0.5 / million,
} as const;

/** A queue bills per started unit of this many bytes. */
export const queueUnitBytes = 64_000;
/** What a message carries beside its body. */
export const queueMessageOverheadBytes = 100;
/** Incoming socket messages that make one object request. */
export const socketMessagesPerRequest = 20;
/** Memory an object is billed for while it is awake, whatever it uses. */
export const objectGb = 0.128;
