import { expect, it } from "vitest";
import { hash64 } from "../../platform/bytes.ts";
import { dedupeWindowMs, seenEventsMax } from "../../schemas/limits.ts";
import { decodeSeen, encodeSeen, SeenIndex, type SeenEvent } from "./seen.ts";
import { key64, Table64 } from "./table64.ts";

const now = 1_764_000_000_000;

function seen(name: string, over: Partial<SeenEvent> = {}): SeenEvent {
  return { key: hash64(name), entity: hash64(`entity ${name}`), timeMs: now, rank: 0, ...over };
}

it("finds every one of 50,000 keys after growing, and none that was not set", () => {
  const table = new Table64(2);
  for (let index = 0; index < 50_000; index += 1) table.set(key64(hash64(`k${index}`)), [index, -index]);
  expect(table.size).toBe(50_000);
  for (let index = 0; index < 50_000; index += 997) expect([...(table.get(key64(hash64(`k${index}`))) ?? [])]).toEqual([index, -index]);
  expect(table.get(key64(hash64("stranger")))).toBeUndefined();
});

it("forgets an id only once the window is over", () => {
  const index = new SeenIndex();
  index.record(seen("a"), 1, now);
  index.expire(now + dedupeWindowMs);
  expect(index.findOffset(hash64("a"))).toBe(1);
  index.expire(now + dedupeWindowMs + 1);
  expect(index.findOffset(hash64("a"))).toBeUndefined();
});

it("gives up its oldest minute once it holds one event more than fits its memory, and not before", () => {
  const index = new SeenIndex();
  index.record(seen("first"), 1, now);
  // The same id again and again counts like others and is quicker.
  const filler = seen("filler");
  for (let offset = 2; offset <= seenEventsMax; offset += 1) index.record(filler, offset, now + 61_000);
  index.expire(now + 62_000);
  expect(index.findOffset(hash64("first"))).toBe(1);
  index.record(seen("one more"), seenEventsMax + 1, now + 62_000);
  index.expire(now + 62_000);
  expect(index.findOffset(hash64("first"))).toBeUndefined();
  expect(index.findOffset(hash64("one more"))).toBe(seenEventsMax + 1);
});

it("keeps the newest state of an entity when an older event comes a minute later", () => {
  const index = new SeenIndex();
  const entity = hash64("e");
  index.record(seen("new", { entity, timeMs: now + 5 }), 1, now);
  index.record(seen("old", { entity, timeMs: now }), 2, now + 70_000);
  expect(index.findEntity(entity)).toEqual({ key: hash64("new"), timeMs: now + 5, rank: 0, offset: 2 });
  index.expire(now + dedupeWindowMs + 61_000);
  expect(index.findEntity(entity)?.key).toBe(hash64("new"));
});

it("stores 24 bytes an event and reads them back unchanged", () => {
  const events = [seen("a", { rank: 15 }), seen("b", { timeMs: 0, key: "ffffffffffffffff" }), seen("c", { key: "0000000000000001" })];
  const blob = encodeSeen(events);
  expect(blob.byteLength).toBe(72);
  expect(decodeSeen(blob)).toEqual(events);
});
