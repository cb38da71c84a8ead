import { expect, it } from "vitest";
import { LineSplitter, parseLine } from "./ndjson.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function split(
  pieces: readonly string[],
  lineBytesMax?: number,
): { number: number; text: string; terminated: boolean; oversize: boolean }[] {
  const splitter = new LineSplitter(lineBytesMax);
  const lines = [...pieces.flatMap((piece) => splitter.push(bytesOf(piece))), ...splitter.end()];
  return lines.map(({ bytes, ...rest }) => ({ ...rest, text: textOf(bytes) }));
}

it("reports a line past the limit by its number, holds nothing of it, and reads on behind it", () => {
  const splitter = new LineSplitter(8);
  expect(splitter.push(bytesOf('{"a":1}\n{"long'))).toHaveLength(1);
  expect(splitter.heldBytes).toBe(6);
  splitter.push(bytesOf(`":"${"x".repeat(1_000)}`));
  expect(splitter.heldBytes).toBe(0);
  const lines = splitter.push(bytesOf('"}\n{"b":2}\n'));
  expect(lines.map(({ number, oversize }) => [number, oversize])).toEqual([
    [2, true],
    [3, false],
  ]);
  expect(lines[0]?.bytes.byteLength).toBe(0);
});

it("takes a line of exactly the limit", () => {
  expect(split(["12345678\n123456789\n"], 8).map(({ oversize }) => oversize)).toEqual([false, true]);
});

it("reports a last line past the limit that has no newline", () => {
  expect(split(["1\n", "123456789"], 8).map(({ number, oversize, terminated }) => [number, oversize, terminated])).toEqual([
    [1, false, true],
    [2, true, false],
  ]);
});

it("counts blank lines and leaves them out", () => {
  expect(split(["\n", "1\n \r\n\t\n2", "\r\n\n"]).map(({ number, text }) => [number, text.trim()])).toEqual([
    [2, "1"],
    [5, "2"],
  ]);
});

it.each([
  [["1\n2\n"], 2],
  [["1\n2"], 2],
  [[""], 0],
  [["\n\n"], 2],
])("of %j has begun %i lines", (pieces, count) => {
  const splitter = new LineSplitter();
  for (const piece of pieces) splitter.push(bytesOf(piece));
  expect(splitter.count).toBe(count);
});

it.each([
  ["{oops", true, "the line is not valid JSON"],
  ["{oops", false, "the last line is not valid JSON and has no newline: the body may have been cut short"],
])("says of %j, terminated: %s, what is wrong", (text, terminated, fault) => {
  expect(parseLine({ number: 1, bytes: bytesOf(text), terminated, oversize: false })).toEqual({ fault });
});
