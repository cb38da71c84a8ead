import { expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { parseAssetPath } from "./path.ts";

it.each([
  "",
  "/",
  "a/",
  "/a",
  "a//b",
  ".",
  "..",
  "a/../b",
  "a/..",
  "%2e%2e/secret",
  "a%2fb",
  "a%2Fb",
  "a\\b",
  "a%5cb",
  "a%00.png",
  "a%0d%0aset-cookie:x",
  "a%7f",
  "%252e%252e/a",
  "a%",
  "%ff",
  ".env",
  "a/.git/config",
  "a b",
  "a%20b",
  "a?b",
  "a#b",
  "a:b",
  "a*b",
  "a;b",
  "caf%C3%A9",
  "-rf",
  `${"a".repeat(513)}`,
  `${"%61".repeat(513)}`,
  "%61".repeat(5_000),
])("refuses %j by name", (raw) => {
  const refused = (() => {
    try {
      return parseAssetPath(raw);
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toBeInstanceOf(AppError);
  expect(refused).toMatchObject({ code: "INVALID_PARAMETERS", details: { parameter: "path" } });
});

it.each([
  ["logo.svg", "logo.svg"],
  ["app.0a1b2c3d.js", "app.0a1b2c3d.js"],
  ["tokens/eth/0x-1_2~3+4@2x.png", "tokens/eth/0x-1_2~3+4@2x.png"],
  ["%6Cogo%2Esvg", "logo.svg"],
  ["a..b", "a..b"],
  ["a".repeat(512), "a".repeat(512)],
])("reads %s", (raw, path) => {
  expect(parseAssetPath(raw)).toBe(path);
});
