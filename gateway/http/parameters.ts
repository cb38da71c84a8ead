/** Query parameters that several routes share. Text in, checked value out; each message completes "name: …". */
import { z } from "zod";

/** A whole number of at least `min`, at most `max`. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const message = `must be a whole number from ${min} to ${max}`;
  return (
    z
      .string()
      .regex(/^(?:0|[1-9]\d{0,15})$/, message)
      .transform(Number)
      .refine((value) => value >= min && value <= max, message)
      // Text on the wire, a number to whoever reads the OpenAPI document.
      .meta({
        override: ({ jsonSchema }) => {
          delete jsonSchema.pattern;
          Object.assign(jsonSchema, { type: "integer", minimum: min, maximum: max });
        },
      })
  );
}

export const Cursor = z.string().min(1, "must not be empty");

/** RFC 3339 to epoch milliseconds. */
export const TimeMs = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time such as "2026-11-24T02:00:00Z"' })
  .transform((text) => Date.parse(text));
