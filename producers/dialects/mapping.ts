/** What a dialect is made of: one mapping for each canonical field. The same list does the work and is printed in docs/dialects.md. */
import type { Reading } from "./reading.ts";
import type { Unit } from "./units.ts";

/** What happens when the sender says nothing: the event is refused, the field left out, or it gets a value that `metadata.normalised.absent`
 *  names, because canonical events must have one. */
export type Otherwise = "refused" | "left out" | { readonly absent: string | number };

export interface Mapping {
  /** Canonical field of `data`. */
  readonly to: string;
  /** Where it is looked for, in this order, or all that a rule reads. `^` before a name: a field of the envelope. */
  readonly from: readonly string[];
  /** Unit or rule, for the table. */
  readonly says: string;
  readonly otherwise: Otherwise;
  /** Not sent but worked out by a rule, unless the sender has the field that says it outright: named under `metadata.normalised.derived`. */
  readonly derived?: { readonly unless?: string };
  /** Undefined when the sender says nothing, and after a refusal. */
  compute(reading: Reading): unknown;
}

/** The first field that is there, in its unit; an event without it is refused. */
export function field(to: string, from: string | readonly string[], unit: Unit): Mapping {
  const paths = typeof from === "string" ? [from] : from;
  return { to, from: paths, says: unit.says, otherwise: "refused", compute: (reading) => reading.takeFirst(paths, unit) };
}

export function optional(to: string, from: string | readonly string[], unit: Unit): Mapping {
  return { ...field(to, from, unit), otherwise: "left out" };
}

/** `absent` stands there when the sender says nothing. */
export function orAbsent(mapping: Mapping, absent: string | number): Mapping {
  return { ...mapping, otherwise: { absent } };
}

export interface Mapped {
  readonly data: Record<string, unknown>;
  readonly derived: readonly string[];
  readonly absent: readonly string[];
}

/** Every canonical field. After a refusal the answer is incomplete: `reading.fault` says what is wrong. */
export function mapFields(mappings: readonly Mapping[], reading: Reading): Mapped {
  const data: Record<string, unknown> = {};
  const derived: string[] = [];
  const absent: string[] = [];
  for (const { to, from, otherwise, derived: rule, compute } of mappings) {
    const value = compute(reading);
    if (reading.fault !== undefined) break;
    if (value !== undefined) {
      data[to] = value;
      if (rule !== undefined && (rule.unless === undefined || reading.at(rule.unless) === undefined)) derived.push(to);
    } else if (typeof otherwise === "object") {
      data[to] = otherwise.absent;
      absent.push(to);
    } else if (otherwise === "refused") {
      reading.refuse(
        from.find((path) => reading.at(path) === undefined) ?? to,
        `is missing: ${to} is read from ${from.map((path) => path.replace("^", "")).join(" or ")}`,
      );
      break;
    }
  }
  return { data, derived, absent };
}
