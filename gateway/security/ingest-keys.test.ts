import { expect, it } from "vitest";
import { isKeyOf } from "./ingest-keys.ts";

const keys = ["key-one", "key-two"];

it.each(["", "key-on", "key-onee", "key-one,key-two", "KEY-ONE", "key-three"])("refuses %j", (presented) => {
  expect(isKeyOf(keys, presented)).toBe(false);
});

it("takes every key of the list, so that keys can be rotated", () => {
  expect(keys.map((key) => isKeyOf(keys, key))).toEqual([true, true]);
});

it("takes nothing when there are no keys", () => {
  expect(isKeyOf([], "")).toBe(false);
});
