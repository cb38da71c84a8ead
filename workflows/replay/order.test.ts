import { expect, it } from "vitest";
import { afterPosition, compareLines } from "./order.ts";

const line = (stream: string, offset: number, at: number, epoch = "e1") => ({ stream, epoch, offset, at });
const lines = [line("executions", 1, 10), line("opportunities", 7, 10), line("opportunities", 8, 10), line("executions", 2, 11)];
const originalOf = ({ stream, ...rest }: (typeof lines)[number]) => ({ channel: stream, ...rest });

it.each([0, 1, 2, 3])("goes on right behind line %i of the batch", (index) => {
  const last = lines[index];
  if (last === undefined) throw new Error("no line");
  expect(afterPosition(lines, originalOf(last))).toEqual(lines.slice(index + 1));
});

it("takes all when nothing was taken, and nothing when what was taken last came later", () => {
  expect(afterPosition(lines, undefined)).toEqual(lines);
  expect(afterPosition(lines, originalOf(line("opportunities", 9, 12)))).toEqual([]);
  expect(afterPosition(lines, originalOf(line("alerts", 3, 9)))).toEqual(lines);
});

it("knows by the stream's name which of two lines of one time came first", () => {
  expect(afterPosition(lines, originalOf(line("market", 3, 10)))).toEqual(lines.slice(1));
});

it("orders epochs of a stream by their creation, whatever their clocks said", () => {
  expect(compareLines(line("alerts", 900, 50, "e1"), line("alerts", 1, 40, "e2"))).toBeLessThan(0);
  expect(compareLines(line("alerts", 1, 40, "e2"), line("alerts", 2, 40, "e2"))).toBeLessThan(0);
});
