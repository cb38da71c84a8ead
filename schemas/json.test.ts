import { expect, it } from "vitest";
import { findJsonFault } from "./json.ts";
import { jsonDepthMax } from "./limits.ts";

/** `depth` arrays inside each other. */
function nested(depth: number): unknown {
  return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

it.each([
  ["a lone high surrogate", '{"a":"\\ud800"}', "a"],
  ["a lone low surrogate", '{"a":"x\\udc00"}', "a"],
  ["surrogates the wrong way round", '{"a":["\\udc00\\ud800"]}', "a.0"],
  ["a lone surrogate in a field's name", '{"a":{"\\ud800":1}}', "a"],
  ["a number past the largest", '{"a":{"b":[1,1e999]}}', "a.b.1"],
  ["a number past the smallest", '{"a":-1e999}', "a"],
  ["negative zero", '{"a":-0}', "a"],
  ["negative zero with a fraction", '{"a":-0.0}', "a"],
  ["an integer that loses digits", '{"a":9007199254740993}', "a"],
  ["an integer that loses digits, as a float", '{"a":1e21}', "a"],
  ["a field that would become the object's prototype", '{"a":{"__proto__":{"b":1}}}', "a.__proto__"],
])("finds %s", (_, text, path) => {
  expect(findJsonFault(JSON.parse(text))?.path).toBe(path);
});

it.each(['"😀"', "9007199254740991", "-9007199254740991", "0", "0.1", "5e-324", "1.7976931348623157e308", "null", "true", "{}", '{"":1}'])(
  "lets %s in",
  (text) => {
    const value: unknown = JSON.parse(text);
    // The largest double is an integer by IEEE and no safe one.
    const expected = text.includes("e308") ? "" : undefined;
    expect(findJsonFault(value)?.path).toBe(expected);
  },
);

it("takes JSON nested to the limit and not one deeper", () => {
  expect(findJsonFault(nested(jsonDepthMax))).toBeUndefined();
  expect(findJsonFault(nested(jsonDepthMax + 1))?.message).toContain("nested deeper");
});

it.each([50, 500_000])("refuses JSON nested %i deep without running out of stack", (depth) => {
  expect(findJsonFault(nested(depth))?.message).toContain("nested deeper");
});
