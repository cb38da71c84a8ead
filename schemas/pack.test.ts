import { expect, it } from "vitest";
import { packedBytesMax } from "./limits.ts";
import { packPositions, unpack } from "./pack.ts";
import { utf8Bytes } from "../platform/bytes.ts";
import type { LogRow } from "./rpc.ts";

function row(first: number, texts: string[]): LogRow {
  return { first, count: texts.length, at: 1_700_000_000_000, stale: [first], earlier: texts.map(() => 0), lines: texts.join("\n") };
}

it("packs rows into messages within one billing unit and unpacks every event at its offset", () => {
  const text = JSON.stringify({ data: "é".repeat(300) });
  const rows = [
    row(
      1,
      Array.from({ length: 500 }, () => text),
    ),
    row(501, [JSON.stringify({ data: "x".repeat(59_000) })]),
    row(502, [text]),
  ];
  const messages = packPositions({ stream: "opportunities", epoch: "e1" }, rows);
  const offsets: number[] = [];
  for (const message of messages) {
    expect(utf8Bytes(message.body)).toBeLessThanOrEqual(packedBytesMax);
    const read = unpack(message.body);
    if ("invalid" in read || read.kind !== "positions") throw new Error("unreadable");
    expect(read.rows[0]?.first).toBe(message.first);
    for (const part of read.rows) offsets.push(...Array.from({ length: part.count }, (_, index) => part.first + index));
  }
  expect(offsets).toEqual(Array.from({ length: 502 }, (_, index) => index + 1));
});
