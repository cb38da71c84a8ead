import fc from "fast-check";
import { expect, it } from "vitest";
import { hash64, sha256Hex, utf8Bytes } from "./bytes.ts";
import { shortHash64, shortTextMax } from "./sha256.ts";

const textOf = (unitMax: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: unitMax }), { maxLength: 2 * shortTextMax }).map((units) => String.fromCharCode(...units));
/** Halves of surrogate pairs among it. */
const anyText = textOf(0xffff);

it("counts what any text takes as an encoder would make it", () => {
  const encoder = new TextEncoder();
  fc.assert(fc.property(anyText, (text) => utf8Bytes(text) === encoder.encode(text).byteLength));
  for (const text of ["", "é", "\ud800", "a\udc00b", "\ud83d\ude00"]) expect(utf8Bytes(text)).toBe(encoder.encode(text).byteLength);
});

it("hashes every length as the runtime does, across the ends of the blocks", () => {
  for (let length = 0; length <= shortTextMax + 2; length += 1) {
    const text = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(4).slice(0, length);
    expect(hash64(text)).toBe(sha256Hex(text).slice(0, 16));
    expect(shortHash64(text) === undefined).toBe(length > shortTextMax);
  }
});

it("hashes any text as the runtime does", () => {
  fc.assert(
    fc.property(fc.oneof(textOf(0x7f), anyText), (text) => hash64(text) === sha256Hex(text).slice(0, 16)),
    { numRuns: 300 },
  );
});

it("leaves to the runtime what is not ASCII, and forgets it", () => {
  expect(shortHash64("caf\u00e9")).toBeUndefined();
  expect(shortHash64(`${"x".repeat(80)}\u00e9`)).toBeUndefined();
  expect(shortHash64("abc")).toBe("ba7816bf8f01cfea");
});
