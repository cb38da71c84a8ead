/** Compares decimal strings as numbers without turning them into floats: "0.1" with "0.10", a 78-digit amount with its neighbour. */

const pattern = /^(-?)(\d{1,100})(?:\.(\d{1,100}))?$/;

interface Parts {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
}

export function isDecimal(text: string): boolean {
  return pattern.test(text);
}

/** Negative when a < b, 0 when equal, positive when a > b. Throws on text that is no decimal. */
export function compareDecimals(a: string, b: string): number {
  const left = partsOf(a);
  const right = partsOf(b);
  if (left.negative !== right.negative) return left.negative ? -1 : 1;
  const order = compareMagnitudes(left, right);
  return left.negative ? -order : order;
}

function partsOf(text: string): Parts {
  const match = pattern.exec(text);
  if (match === null) throw new TypeError(`"${text.slice(0, 32)}" is not a decimal`);
  const [, sign = "", digits = "", decimals = ""] = match;
  const whole = digits.replace(/^0+/, "");
  const fraction = decimals.replace(/0+$/, "");
  // Zero has no sign, or "-0" would be less than "0".
  return { negative: sign === "-" && (whole !== "" || fraction !== ""), whole, fraction };
}

function compareMagnitudes(a: Parts, b: Parts): number {
  if (a.whole.length !== b.whole.length) return a.whole.length - b.whole.length;
  if (a.whole !== b.whole) return a.whole < b.whole ? -1 : 1;
  // Without trailing zeros, text order of fractions is their numeric order: a prefix is the smaller one.
  if (a.fraction === b.fraction) return 0;
  return a.fraction < b.fraction ? -1 : 1;
}
