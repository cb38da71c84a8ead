import fc from "fast-check";
import { expect, it } from "vitest";
import { compileGlob, compileText } from "./patterns.ts";

it.each([
  ["/api/*", "/api/", true],
  ["/api/*", "/api", false],
  ["/api/*/x", "/api/a/b/x", true],
  ["*", "", true],
  ["**", "a", true],
  ["/a", "/a", true],
  ["/a", "/ab", false],
  ["/a*b", "/ab", true],
  // The end must not be part of what the beginning has taken.
  ["/ab*b", "/ab", false],
  ["/a.c", "/abc", false],
  ["/[a-z]+", "/[a-z]+", true],
])("%s fits %s: %s", (pattern, text, fits) => {
  expect(compileGlob(pattern)(text)).toBe(fits);
});

it.each([
  ["sqlmap", "Mozilla SQLMAP/1.0", true],
  ["sqlmap", "sql map", false],
  ["curl/*", "CURL/8", true],
  ["*bot*", "Googlebot/2.1", true],
  ["bot*", "Googlebot/2.1", false],
])("as a part of a text, %s fits %s: %s", (pattern, text, fits) => {
  expect(compileText(pattern)(text)).toBe(fits);
});

it("says of every text what the regular expression would", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const texts = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      expect(compileGlob(pattern)(text)).toBe(new RegExp(`^${pattern.replaceAll(/\*+/g, ".*")}$`).test(text));
    }),
    { numRuns: 2_000 },
  );
});

it("takes no longer for the worst pattern and text than for any other: each piece is looked for once", () => {
  const fits = compileGlob(`${"*a".repeat(60)}*b`);
  let searches = 0;
  const counted = new Proxy(new String("a".repeat(1_024)), {
    get: (target, name) => {
      if (name === "slice") return () => counted;
      if (name === "indexOf") searches += 1;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  expect(fits(counted as unknown as string)).toBe(false);
  expect(searches).toBeLessThanOrEqual(61);
});
