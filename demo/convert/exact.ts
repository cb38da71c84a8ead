/** Exact numbers as text: what a recording holds as a double becomes the decimal string of that very double, and ratios of
 *  on-chain integers are divided as integers. Nothing here rounds unless its name or argument says so. */

const exponentForm = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/;

/** The shortest decimal that reads back as this double, without an exponent: 7.01e-5 is "0.0000701". */
export function decimalOf(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} has no decimal form`);
  const text = String(value === 0 ? 0 : value);
  const match = exponentForm.exec(text);
  if (match === null) return text;
  const [, sign = "", head = "", fraction = "", exponent = "0"] = match;
  const digits = head + fraction;
  const pointAt = 1 + Number(exponent);
  if (pointAt <= 0) return `${sign}0.${"0".repeat(-pointAt)}${digits}`;
  return `${sign}${digits.slice(0, pointAt).padEnd(pointAt, "0")}${digits.length > pointAt ? `.${digits.slice(pointAt)}` : ""}`;
}

/** `units` / 10^places as a decimal string without trailing zeros. */
export function scaledDecimal(units: bigint, places: number): string {
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** numerator / denominator, rounded down to `places` digits. The denominator is positive. */
export function ratioDecimal(ratio: { readonly numerator: bigint; readonly denominator: bigint }, places: number): string {
  const scaled = ratio.numerator * 10n ** BigInt(places);
  const quotient = scaled / ratio.denominator;
  // BigInt division truncates towards zero; rounding down keeps a falling gap monotone through zero.
  const floor = scaled < 0n && quotient * ratio.denominator !== scaled ? quotient - 1n : quotient;
  return scaledDecimal(floor, places);
}

/** Units of 10^-places in a decimal string; a digit past `places` is an error, not a rounding. */
export function unitsOf(decimal: string, places: number): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal);
  if (match === null) throw new Error(`"${decimal}" is not a decimal`);
  const [, sign = "", whole = "", fraction = ""] = match;
  const kept = fraction.slice(0, places).padEnd(places, "0");
  if (/[1-9]/.test(fraction.slice(places))) throw new Error(`"${decimal}" has more than ${places} decimals`);
  const units = BigInt(whole + kept);
  return sign === "" ? units : -units;
}

/** Rounds a double to `places` digits, for scores that are derived and carry no more meaning than that. */
export function roundTo(value: number, places: number): number {
  const rounded = Number(value.toFixed(places));
  return rounded === 0 ? 0 : rounded;
}
