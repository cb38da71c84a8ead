/** Orders decimal strings as the numbers they are. Money never passes through a float: "0.1" equals "0.10", and two 78-digit amounts
 *  that differ in their last digit differ. */

const pattern = /^(-?)(\d{1,100})(?:\.(\d{1,100}))?$/;

export function isDecimal(text: unknown): text is string {
  return typeof text === "string" && pattern.test(text);
}

/** Negative when a < b, 0 when equal, positive when a > b. Text that is no decimal comes before every number. */
export function compareDecimals(a: string, b: string): number {
  const places = Math.max(placesOf(a), placesOf(b));
  const left = scaled(a, places);
  const right = scaled(b, places);
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function placesOf(text: string): number {
  return pattern.exec(text)?.[3]?.length ?? 0;
}

/** The number as a whole count of its `places`-th decimal place. */
function scaled(text: string, places: number): bigint | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = ""] = match;
  return BigInt(`${sign}${whole}${fraction.padEnd(places, "0")}`);
}
