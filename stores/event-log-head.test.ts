import { expect, it } from "vitest";
import { HeadReader } from "./event-log-head.ts";
import { renderLogHead, renderLogLine } from "./event-log.ts";

const encoder = new TextEncoder();
const epoch = "0mf3k7x0a1b2c";
const read = (text: string, start = 0) => new HeadReader(epoch).read(encoder.encode(text), start);

it.each([
  { epoch, offset: 1, at: 1_795_000_000_000, stale: false },
  { epoch, offset: 999_999_999_999_999, at: 0, stale: true },
])("reads every head that this project writes: %j", (head) => {
  const { epoch: _, ...rest } = head;
  const before = "some line\n";
  const text = `${before}${renderLogLine({ ...head, text: '{"a":",\\"event\\":"}' })}\n`;
  expect(read(text, before.length)).toEqual({ head: rest, eventAt: before.length + renderLogHead(head).length });
});

const written = renderLogLine({ epoch, offset: 12, at: 34, stale: false, text: "{}" });

it.each([
  ["another epoch", written.replace(epoch, "0another")],
  ["an offset that is no whole number", written.replace("12", "1.5")],
  ["no offset", written.replace("12", "")],
  ["a negative time", written.replace("34", "-34")],
  ["a leading zero, which JSON refuses", written.replace("12", "012")],
  ["more digits than are exact", written.replace("12", "1234567890123456")],
  ["spaces", written.replace(",", ", ")],
  ["fields in another order", `{"epoch":"${epoch}","at":34,"offset":12,"event":{}}`],
  ["stale:false spelled out", written.replace(',"event"', ',"stale":false,"event"')],
  ["a line that is cut off", written.slice(0, 30)],
  ["nothing", ""],
])("leaves %s to who can say what is wrong", (_, text) => {
  expect(read(text)).toBeUndefined();
});
