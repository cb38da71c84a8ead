/** What is kept and what is dropped when more comes than becomes durable. */
import { expect, it } from "vitest";
import { Intake } from "./intake.ts";

const frame = (type: string, bytes = 10) => ({ type, body: {}, bytes });
const typesOf = (frames: readonly { type: string }[]): string => frames.map(({ type }) => type).join("");

function holding(types: string, bounds = { framesMax: 3, bytesMax: 1_000 }): Intake {
  const intake = new Intake(bounds);
  for (const type of types) intake.add(frame(type));
  return intake;
}

it("drops the oldest beyond its bound, and counts them", () => {
  const intake = holding("abcde");
  expect([typesOf(intake.take(10, 1_000)), intake.size, intake.dropped]).toEqual(["cde", 3, 2]);
});

it("drops by bytes too, a frame larger than everything included", () => {
  const intake = holding("ab", { framesMax: 10, bytesMax: 25 });
  intake.add(frame("c", 100));
  expect([intake.size, intake.dropped]).toEqual([0, 3]);
});

it("does not drop what is being made durable, and takes the same again until it is settled", () => {
  const intake = holding("abc");
  expect(typesOf(intake.take(2, 1_000))).toBe("ab");
  for (const type of "de") intake.add(frame(type));
  expect(typesOf(intake.take(2, 1_000))).toBe("ab");
  intake.settle();
  expect([typesOf(intake.take(2, 1_000)), intake.dropped]).toEqual(["e", 2]);
});

it("takes fewer after it was told to let go", () => {
  const intake = holding("abc");
  expect(typesOf(intake.take(3, 1_000))).toBe("abc");
  intake.release();
  expect(typesOf(intake.take(2, 1_000))).toBe("ab");
});

it("takes as many as fit, and at least one", () => {
  const intake = holding("abc");
  expect(typesOf(intake.take(10, 25))).toBe("ab");
  intake.settle();
  expect(typesOf(intake.take(10, 1))).toBe("c");
  intake.settle();
  expect([intake.size, intake.take(10, 10)]).toEqual([0, []]);
});
