/** Numbers that are text: money and on-chain amounts are never floats (CONTRACT 1). Text passes through untouched. */
import { z } from "zod";

/** A uint256 has at most 78 decimal digits. */
const integerDigitsMax = 78;
/** No token has more than 36 decimals; prices quoted in them need no more. */
const fractionDigitsMax = 36;

const decimal = new RegExp(`^-?(?:0|[1-9]\\d{0,${integerDigitsMax - 1}})(?:\\.\\d{1,${fractionDigitsMax}})?$`);
const integer = new RegExp(`^(?:0|[1-9]\\d{0,${integerDigitsMax - 1}})$`);
const negativeZero = /^-0(?:\.0+)?$/;

export const DecimalString = z
  .string()
  .regex(
    decimal,
    `must be a decimal string such as "24.50", at most ${integerDigitsMax} digits before and ${fractionDigitsMax} after the point`,
  )
  .refine((text) => !negativeZero.test(text), "must not be negative zero");

/** A non-negative integer in text: gas, wei, token units. */
export const IntegerString = z.string().regex(integer, `must be an integer string of at most ${integerDigitsMax} digits`);
