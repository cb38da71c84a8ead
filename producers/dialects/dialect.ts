/** What every adapter is: it recognises its dialect, and turns a record into the `data` of a canonical event or says by name what it can't.
 *  Ids, types and the rest of the envelope are envelope.ts's and index.ts's matter. */
import type { EventType } from "../../schemas/event.ts";
import { mapFields } from "./mapping.ts";
import type { Mapping } from "./mapping.ts";
import { isFields } from "./reading.ts";
import type { Fault, Fields, Reading } from "./reading.ts";
import { time } from "./units.ts";

/** What a record speaks of: an adapter is asked only about records of its kind. */
export type Kind = "opportunity" | "execution" | "strategy" | "market" | "metrics" | "system" | "workflow" | "agent";

export interface DialectRules {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** How the dialect tells itself, for the table. */
  readonly tells: string;
  recognise(record: Fields): boolean;
  /** Whether it is this dialect even in a CloudEvents envelope with a canonical type. As `recognise` unless it says otherwise. */
  isForeign?(record: Fields): boolean;
  /** The event's type where no envelope names one; undefined where only an envelope can. */
  typeOf?(record: Fields): EventType | undefined;
  /** The records of one that holds several; itself unless it says otherwise. */
  split?(record: Fields): readonly Fields[];
  readonly mappings: readonly Mapping[];
  /** Where the moment of the event is looked for when the envelope has none. */
  readonly times: readonly string[];
  /** Whether the time of receipt will do when the sender tells none: it does for reports of how things stand, not for prices. */
  readonly mayLackTime?: true;
}

export interface NormalisedData {
  readonly data: Fields;
  /** RFC 3339, or undefined when the record tells no time. */
  readonly time: string | undefined;
}

export interface Dialect extends DialectRules {
  isForeign(record: Fields): boolean;
  split(record: Fields): readonly Fields[];
  /** `reading` is of `record`; `beside` is what the envelope held besides. */
  normalise(record: Fields, reading: Reading, beside: Fields): NormalisedData | { readonly fault: Fault };
}

export function dialect(rules: DialectRules): Dialect {
  const { name, mappings, times } = rules;
  return {
    isForeign: (record) => rules.recognise(record),
    split: (record) => [record],
    ...rules,
    normalise(record, reading, beside) {
      const { data, derived, absent } = mapFields(mappings, reading);
      const at = reading.takeFirst(times, time);
      const metadata = record["metadata"] ?? {};
      if (!isFields(metadata)) reading.refuse("metadata", "must be an object");
      if (reading.fault !== undefined) return { fault: reading.fault };
      const { metadata: _, ...extra } = { ...reading.untakenOf(beside), ...reading.untaken() };
      const normalised = {
        dialect: name,
        ...(derived.length > 0 && { derived }),
        ...(absent.length > 0 && { absent }),
        ...(Object.keys(extra).length > 0 && { extra }),
      };
      return { data: { ...data, metadata: { ...metadata, normalised } }, time: at };
    },
  };
}
