/** Microseconds on the machine's monotonic clock: the same in every thread and process, so a stamp made by the sender can be read by a
 *  receiver. */
export function nowMicros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + Math.round(nanos / 1e3);
}
