/** What clients may send the backend. It is parsed here and written anew, so that both sides read the same: no field twice, no number that
 *  one of them rounds. */
import { z } from "zod";
import { DecimalString, IntegerString } from "../../schemas/decimal.ts";
import { Id } from "../../schemas/data.ts";
import { jsonDepthMax } from "../../schemas/limits.ts";

const fieldCharsMax = 128;
/** A passphrase, not a document. */
const secretCharsMax = 1_024;
/** An execution that waits for more is forgotten before it ends. */
const confirmationsMax = 1_000;

const inexact = "is a whole number that JSON readers round: send it as text";

/** The path of the first number that does not survive being read, or undefined. */
function inexactIn(value: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] | undefined {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value) ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  if (path.length > jsonDepthMax) return path;
  for (const [name, item] of Object.entries(value)) {
    const found = inexactIn(item, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Amounts as text; small ones as the owner's own pages may send them, as numbers. */
const Amount = z.union([IntegerString, z.int().nonnegative()], "must be a whole number, as text if it is large");
const Share = z.union([DecimalString.refine((text) => !text.startsWith("-"), "must not be negative"), z.number().nonnegative()], {
  error: 'must be a decimal such as "0.005"',
});

export const ExecuteBody = z.strictObject({
  strategy_id: Id,
  max_gas_price: Amount,
  slippage_tolerance: Share,
  confirmation_blocks: z.int().min(0).max(confirmationsMax),
});

/** Its fields are the backend's: name or e-mail, password, a second factor. */
export const LoginBody = z
  .record(z.string().min(1).max(fieldCharsMax), z.union([z.string().max(secretCharsMax), z.boolean(), z.int()]))
  .refine((fields) => Object.keys(fields).length > 0, "must name who signs in");

/** What a strategy holds is the backend's to say. */
export const StrategyBody = z.record(z.string().min(1).max(fieldCharsMax), z.unknown()).superRefine((fields, context) => {
  const path = inexactIn(fields, []);
  if (path === undefined) return;
  const message = path.length > jsonDepthMax ? `is nested deeper than ${jsonDepthMax}` : inexact;
  context.addIssue({ code: "custom", message, path: [...path].slice(0, jsonDepthMax) });
});
