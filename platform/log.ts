/** One structured line per fact. The field type has no room for bodies or tokens: only short scalars fit. */

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** `event` is dotted, e.g. "consumer.batch.done". */
export function logInfo(event: string, fields: LogFields = {}): void {
  console.info(JSON.stringify({ event, ...fields }));
}

export function logWarning(event: string, fields: LogFields = {}): void {
  console.warn(JSON.stringify({ event, ...fields }));
}

export function logError(event: string, fields: LogFields = {}): void {
  console.error(JSON.stringify({ event, ...fields }));
}
