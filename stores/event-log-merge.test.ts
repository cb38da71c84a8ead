import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Block } from "./event-log-block.ts";
import { Merge, Meter } from "./event-log-merge.ts";
import type { LineCursor } from "./event-log-object.ts";
import type { LogSource } from "./event-log-sources.ts";
import { sortSources } from "./event-log-sources.ts";

const encoder = new TextEncoder();

/** An event of `size` bytes that names its position. */
function event(offset: number, size = 20): Uint8Array {
  return encoder.encode(String(offset).padEnd(size, "."));
}

class FakeCursor implements LineCursor {
  readonly #offsets: readonly number[];
  readonly #size: number;
  #index = 0;
  readonly at = 5;
  readonly stale = false;

  constructor(offsets: readonly number[], size: number) {
    this.#offsets = offsets;
    this.#size = size;
  }

  get offset(): number {
    return this.#offsets[this.#index] ?? 0;
  }

  get event(): Uint8Array {
    return event(this.offset, this.#size);
  }

  get heldBytes(): number {
    return this.#offsets.length * this.#size;
  }

  get openingBytes(): number {
    return this.heldBytes;
  }

  advance(): boolean {
    this.#index += 1;
    return this.#index < this.#offsets.length;
  }

  seek(offset: number): boolean {
    this.#index = this.#offsets.findIndex((value) => value >= offset);
    return this.#index >= 0;
  }
}

interface FakeObject {
  readonly epoch: string;
  readonly offsets: readonly number[];
}

function mergeOf(objects: readonly FakeObject[], options: { bytesMax: number; rowsMax: number; size?: number; keepBytesMax?: number }) {
  const { size = 20, keepBytesMax = 0, ...limits } = options;
  const byKey = new Map(objects.map((object, index) => [`k${index}`, object]));
  const sources: LogSource[] = [...byKey].map(([key, { epoch, offsets }]) => ({
    key,
    epoch,
    first: offsets[0] ?? 0,
    last: offsets.at(-1) ?? 0,
  }));
  const meter = new Meter();
  let opened = 0;
  const open = async ({ key }: LogSource): Promise<LineCursor> => {
    opened += 1;
    return new FakeCursor(byKey.get(key)?.offsets ?? [], size);
  };
  return { merge: new Merge(sortSources(sources), { limits, open, meter, keepBytesMax }), meter, opened: () => opened };
}

async function readAll(merge: Merge): Promise<{ blocks: string[][]; copies: number }> {
  const blocks: string[][] = [];
  let copies = 0;
  for (let block = await merge.next(); block !== undefined; block = block.next && (await merge.next(block.next))) {
    const { epoch, rows } = block;
    blocks.push(rows.map(({ offset }) => `${epoch}:${offset}`));
    copies += rows.reduce((sum, row) => sum + row.copies, 0);
  }
  return { blocks, copies };
}

const offsetsOf = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 25 })
  .map((list) => [...list].sort((a, b) => a - b));
const objectsOf = fc.array(fc.record({ epoch: fc.constantFrom("e1", "e2"), offsets: offsetsOf }), { minLength: 1, maxLength: 8 });

describe("a merge", () => {
  it("gives exactly the distinct positions in order and counts every copy, however objects overlap", async () => {
    await fc.assert(
      fc.asyncProperty(objectsOf, fc.integer({ min: 1, max: 30 }), fc.constantFrom(0, 10_000), async (objects, rowsMax, keepBytesMax) => {
        const { merge } = mergeOf(objects, { bytesMax: 200, rowsMax, keepBytesMax });
        const { blocks, copies } = await readAll(merge);
        const lines = objects.flatMap(({ epoch, offsets }) => offsets.map((offset) => ({ epoch, offset })));
        const sorted = [...lines].sort((a, b) => (a.epoch === b.epoch ? a.offset - b.offset : a.epoch < b.epoch ? -1 : 1));
        const distinct = [...new Set(sorted.map(({ epoch, offset }) => `${epoch}:${offset}`))];
        expect(blocks.flat()).toEqual(distinct);
        expect(copies).toBe(lines.length - distinct.length);
      }),
      { numRuns: 150 },
    );
  });

  it("cuts blocks where the content says, not where objects begin or in which order they are read", async () => {
    await fc.assert(
      fc.asyncProperty(objectsOf, fc.integer({ min: 1, max: 30 }), async (objects, rowsMax) => {
        const limits = { bytesMax: 200, rowsMax };
        const epochs = [...new Set(objects.map(({ epoch }) => epoch))];
        const whole = epochs.map((epoch) => {
          const offsets = new Set(objects.filter((object) => object.epoch === epoch).flatMap((object) => object.offsets));
          return { epoch, offsets: [...offsets].sort((a, b) => a - b) };
        });
        const overlapping = await readAll(mergeOf(objects, limits).merge);
        const clean = await readAll(mergeOf(whole, limits).merge);
        expect(overlapping.blocks).toEqual(clean.blocks);
      }),
      { numRuns: 150 },
    );
  });

  it("holds one block and one object at a time, though all forty objects of a shuffled backlog overlap", async () => {
    const objects = Array.from({ length: 40 }, (_, object) => ({
      epoch: "e1",
      offsets: Array.from({ length: 200 }, (_unused, index) => index * 40 + object + 1),
    }));
    const { merge, meter } = mergeOf(objects, { bytesMax: 4 << 20, rowsMax: 100_000, size: 4_000 });
    const { blocks } = await readAll(merge);
    expect(blocks.flat()).toHaveLength(8_000);
    // 1.25 × 4 MiB in pieces of a mebibyte, the rows' own objects, and an object of 0.8 MB; the whole is 32 MB.
    expect(meter.peak).toBeLessThan(8 << 20);
  });

  it("opens each object once where they follow each other and those that reach over may stay open", async () => {
    const objects = Array.from({ length: 10 }, (_, object) => ({
      epoch: "e1",
      offsets: Array.from({ length: 30 }, (_unused, index) => object * 30 + index + 1),
    }));
    const { merge, opened } = mergeOf(objects, { bytesMax: 1_000, rowsMax: 100, keepBytesMax: 1_000 });
    expect((await readAll(merge)).blocks.flat()).toHaveLength(300);
    expect(opened()).toBe(10);
  });
});

describe("a block", () => {
  it("takes a row larger than itself, alone: nothing would move on otherwise", () => {
    const block = new Block({ bytesMax: 10, rowsMax: 10 });
    expect(block.add({ offset: 3, at: 1, stale: false, event: event(3, 500) })).toBe(true);
    expect(block.add({ offset: 4, at: 1, stale: false, event: event(4) })).toBe(false);
    expect(block.rows().map(({ offset }) => offset)).toEqual([3]);
    expect(block.limit).toBe(4);
  });

  it("notes a copy that says something else, and keeps the first", () => {
    const block = new Block({ bytesMax: 1_000, rowsMax: 10 });
    const add = (text: string, stale = false) => block.add({ offset: 1, at: 1, stale, event: encoder.encode(text) });
    add("a");
    add("a");
    add("b");
    add("a", true);
    const [row] = block.rows();
    expect([row?.copies, row?.conflicts, new TextDecoder().decode(row?.event)]).toEqual([3, 2, "a"]);
  });

  it("owns its bytes: the object that a line came from may go", () => {
    const block = new Block({ bytesMax: 1_000, rowsMax: 10 });
    const shared = event(1);
    block.add({ offset: 1, at: 1, stale: false, event: shared });
    shared.fill(0);
    expect(block.rows()[0]?.event).toEqual(event(1));
  });
});
