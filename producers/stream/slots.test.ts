import { expect, it } from "vitest";
import { Slots } from "./slots.ts";

const bounds = { slotsMax: 2, leaseMs: 1_000 };

it("refuses one too many with the time to come back", () => {
  const slots = new Slots(bounds);
  slots.take(0);
  slots.take(0);
  expect(() => slots.take(999)).toThrow(expect.objectContaining({ code: "CAPACITY_EXCEEDED", retryAfterSeconds: 5 }));
});

it("has room again when one ends, once however often it says so", () => {
  const slots = new Slots(bounds);
  const end = slots.take(0);
  slots.take(0);
  end();
  end();
  slots.take(0);
  expect(() => slots.take(0)).toThrow("2 streams at a time");
});

it("takes a slot back from a stream that died without a word", () => {
  const slots = new Slots(bounds);
  slots.take(0);
  slots.take(0);
  expect(() => slots.take(1_000)).not.toThrow();
});
