/** Bounds on JSON itself, checked before any schema: what passes renders to the same text everywhere. */
import { jsonDepthMax } from "./limits.ts";

export interface JsonFault {
  readonly path: string;
  readonly message: string;
}

/** The first thing in `value` that must not enter, or undefined. Paths are dotted, `data.route.0.pool`, and put together on the way back out:
 *  nearly every value is without fault. */
export function findJsonFault(value: unknown, depth = 1): JsonFault | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : { path: "", message: "text has a lone surrogate" };
    case "number":
      return numberFault(value);
    case "object":
      if (value === null) return undefined;
      if (depth > jsonDepthMax) return { path: "", message: `nested deeper than ${jsonDepthMax}` };
      return containerFault(value, depth);
    default:
      return undefined;
  }
}

function numberFault(value: number): JsonFault | undefined {
  const path = "";
  // JSON.stringify would turn Infinity into null and lose digits of large integers without a word.
  if (!Number.isFinite(value)) return { path, message: "number is out of range" };
  if (Object.is(value, -0)) return { path, message: "must not be negative zero" };
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return { path, message: "integer loses digits as a JSON number: send it as a string" };
  return undefined;
}

function containerFault(value: object, depth: number): JsonFault | undefined {
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed()) return { path: "", message: "a field name has a lone surrogate" };
    // JSON.parse makes it a field, an assignment makes it the prototype: it would vanish on the way, or worse.
    if (key === "__proto__") return { path: key, message: "a field may not have this name" };
    const fault = findJsonFault(item, depth + 1);
    if (fault !== undefined) return { ...fault, path: fault.path === "" ? key : `${key}.${fault.path}` };
  }
  return undefined;
}
