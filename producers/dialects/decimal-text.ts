/** Numbers as foreign senders write them, brought to plain decimal text by moving characters: no float is ever computed with. */

const written = /^([+-]?)(\d{1,400})(?:\.(\d{0,400}))?(?:e([+-]?\d{1,3}))?$/i;
const hex = /^0x[0-9a-f]{1,64}$/i;

/** "1e-7" is "0.0000001", "007.50" is "7.50"; a JSON number gives its shortest text. Undefined for what is no finite number. */
export function toDecimalText(value: unknown): string | undefined {
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  const match = written.exec(String(value).trim());
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  return place(sign === "-" ? "-" : "", whole + fraction, whole.length + Number(exponent));
}

/** The decimal times ten to the power of `places`, exactly. */
export function shifted(decimal: string, places: number): string {
  const negative = decimal.startsWith("-");
  const [whole = "", fraction = ""] = (negative ? decimal.slice(1) : decimal).split(".");
  return place(negative ? "-" : "", whole + fraction, whole.length + places);
}

/** Smallest units as whole ones: "1500000" at 6 decimals is "1.5". */
export function inWholeUnits(units: string, decimals: number): string {
  const text = shifted(units, -decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A non-negative integer: a U256 in 0x-hex, digits, or a JSON number that holds every digit. Undefined for anything else. */
export function toIntegerText(value: unknown): string | undefined {
  if (typeof value === "string" && hex.test(value.trim())) return BigInt(value.trim()).toString();
  const text = toDecimalText(value);
  if (text === undefined || text.startsWith("-")) return undefined;
  const [whole = "", fraction = ""] = text.split(".");
  return /^0*$/.test(fraction) ? whole : undefined;
}

/** Digits with a point after the first `at` of them. */
function place(sign: string, digits: string, at: number): string {
  const padded = at <= 0 ? "0".repeat(1 - at) + digits : digits.padEnd(at, "0");
  const point = Math.max(at, 1);
  const whole = padded.slice(0, point).replace(/^0+(?=\d)/, "");
  const fraction = padded.slice(point);
  const text = fraction === "" ? whole : `${whole}.${fraction}`;
  // Zero has no sign.
  return /[1-9]/.test(text) ? sign + text : text;
}
