import { expect, it } from "vitest";
import { Remembered } from "./remembered.ts";

it("holds no more than twice its bound, and keeps what is asked for while others pass", () => {
  const remembered = new Remembered<number>(10);
  let made = 0;
  for (let count = 0; count < 1_000; count += 1) {
    expect(remembered.of("hot", () => (made += 1))).toBe(1);
    remembered.of(`passing-${count}`, () => count);
  }
  expect(made).toBe(1);
  const held = Array.from({ length: 1_000 }, (_, count) => remembered.find(`passing-${count}`)).filter((value) => value !== undefined);
  expect(held.length).toBeLessThanOrEqual(20);
});

it("remembers neither what was thrown nor what goes by a long name", () => {
  const remembered = new Remembered<string>(10, 8);
  const fail = (): string => {
    throw new Error("no");
  };
  expect(() => remembered.of("key", fail)).toThrow("no");
  expect(remembered.of("key", () => "made")).toBe("made");
  remembered.put("123456789", "long");
  expect(remembered.find("123456789")).toBeUndefined();
});
