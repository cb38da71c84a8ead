/** JSON with the fields of every object in order, so that equal values have equal text whatever language wrote them. */
import { isFields } from "./reading.ts";

export function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isFields(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
