import { expect, it } from "vitest";
import { clientFrame, FrameCutter, opcodes } from "./frames.ts";

function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

it.each([1, 2, 3, 7, 1_000, 1_000_000])("finds every frame, whatever the pieces of %i bytes it comes in", (size) => {
  // What comes byte by byte is put together byte by byte: not for big ones.
  const texts = ["a", "", "b".repeat(125), "c".repeat(126), "d".repeat(size < 1_000 ? 700 : 70_000), "e"];
  const stream = Buffer.concat(texts.map(serverFrame));
  const found: string[] = [];
  const cutter = new FrameCutter((opcode, payload) => {
    expect(opcode).toBe(opcodes.text);
    found.push(payload.toString("utf8"));
  });
  // One buffer for all pieces, as the socket reads: nothing may be kept in it.
  const shared = Buffer.alloc(size);
  for (let at = 0; at < stream.length; at += size) {
    const length = stream.copy(shared, 0, at, at + size);
    cutter.push(shared.subarray(0, length));
  }
  expect(found).toEqual(texts);
});

it.each([0, 125, 126, 1_000])("masks a frame of %i bytes with zeros", (length) => {
  const frame = clientFrame(opcodes.text, Buffer.alloc(length, "x"));
  expect(frame[0]).toBe(0x81);
  expect((frame[1] ?? 0) & 0x80).toBe(0x80);
  expect(frame.subarray(frame.length - length).toString()).toBe("x".repeat(length));
});
