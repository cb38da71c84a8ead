/** Simulated sockets, with and without a count of what is unsent: who is conflated, who is closed, and who notices. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { opportunity, publicationOf } from "../../tests/support/sockets.ts";
import {
  bufferedBytesMax,
  conflateBytesMax,
  conflateEveryMs,
  legacyEventsBurst,
  legacyEventsPerSecond,
  relayUnreadBytesMax,
} from "./bounds.ts";
import { Connection, type Speech } from "./connection.ts";
import { Delivery } from "./delivery.ts";
import { ackGraceMs } from "./flow.ts";
import { Group, type GroupSpec } from "./groups.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Frame {
  readonly type: string;
  readonly offset: number;
  readonly prev?: number;
  readonly data?: { readonly opportunity_id: string };
}

class Reader {
  readonly connection: Connection;
  readonly texts: string[] = [];
  buffered = 0;

  constructor(id: string, { dialect = "native", measured = true }: { dialect?: Speech; measured?: boolean } = {}) {
    const { 0: socket } = new WebSocketPair();
    Object.defineProperty(socket, "send", { value: (text: string) => void this.texts.push(text) });
    if (measured) Object.defineProperty(socket, "bufferedAmount", { get: () => this.buffered });
    this.connection = new Connection(socket, { v: 1, id, dialect, batch: false, openedAtMs: 0 });
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text) as Frame);
  }

  get offsets(): number[] {
    return this.frames.filter(({ prev }) => prev !== undefined).map(({ offset }) => offset);
  }

  /** Entity → offset of the last state shown. */
  get newest(): ReadonlyMap<string, number> {
    return new Map(this.frames.flatMap(({ offset, data }) => (data === undefined ? [] : [[data.opportunity_id, offset] as const])));
  }

  /** As the contract has it: `prev > last`. */
  get holes(): number {
    let last = 0;
    return this.frames.filter(({ offset, prev }) => {
      const isHole = (prev ?? 0) > last;
      last = Math.max(last, offset);
      return isHole;
    }).length;
  }
}

/** A relay's delivery to one group. */
class Stage {
  readonly group: Group;
  readonly readers: readonly Reader[];
  readonly closed: Connection[] = [];
  readonly #delivery: Delivery;
  readonly #latest = new Map<string, number>();
  #top = 0;
  #turn = 0;

  constructor(readers: readonly Reader[], spec: Partial<GroupSpec> = {}) {
    const whole: GroupSpec = { channel: "opportunities", stream: "opportunities", dialect: "native", filters: {}, ...spec };
    this.readers = readers;
    this.group = new Group(1, whole, { position: 0, prev: 0, nowMs: 0, woken: false });
    for (const { connection } of readers) {
      this.group.members.add(connection);
      connection.groups.set(this.group.name, this.group);
    }
    this.#delivery = new Delivery({
      now: () => Date.now(),
      connections: () => readers.map(({ connection }) => connection).filter(({ open }) => open),
      groups: () => [this.group],
      onSlow: (connection) => {
        this.closed.push(connection);
        connection.open = false;
        this.group.members.delete(connection);
        this.group.lane?.leave(connection);
        this.#delivery.gone(connection);
      },
    });
  }

  get newest(): ReadonlyMap<string, number> {
    return this.#latest;
  }

  get top(): number {
    return this.#top;
  }

  /** A flush with the next state of each of these entities. */
  flush(...entities: string[]): void {
    const events = entities.map((subject) => {
      const offset = ++this.#top;
      const { text } = publicationOf(opportunity({ id: `${subject}-${offset}`, subject }));
      const event = new LiveEvent({ offset, at: 0, stale: false, earlier: this.#latest.get(subject) ?? 0, text });
      this.#latest.set(subject, offset);
      return event;
    });
    const run = this.group.take({ epoch: "e", events, shownOf: ({ earlier }) => earlier }, Date.now());
    if (run !== undefined) this.#delivery.send(this.group, run, ++this.#turn);
    this.#delivery.relieve();
  }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("where the runtime says what is unsent", () => {
  it("a reader beyond the bound is closed, and its neighbour has everything", () => {
    const [slow, fast] = [new Reader("slow"), new Reader("fast")];
    const stage = new Stage([slow, fast]);
    stage.flush("a");
    slow.buffered = bufferedBytesMax + 1;
    stage.flush("b");
    stage.flush("c");
    expect(stage.closed).toEqual([slow.connection]);
    expect([slow.offsets, fast.offsets]).toEqual([[1], [1, 2, 3]]);
  });

  it("one that lags gets the newest state of each entity once a second, without a hole, and everything again once it has caught up", () => {
    const [slow, fast] = [new Reader("slow"), new Reader("fast")];
    const stage = new Stage([slow, fast]);
    stage.flush("a");
    slow.buffered = conflateBytesMax + 1;
    stage.flush("a");
    stage.flush("a", "b");
    stage.flush("b", "a");
    expect(slow.offsets).toEqual([1]);
    vi.advanceTimersByTime(conflateEveryMs);
    expect(slow.offsets).toEqual([1, 5, 6]);
    slow.buffered = 0;
    stage.flush("a");
    stage.flush("b");
    expect([slow.offsets, slow.holes]).toEqual([[1, 5, 6, 7, 8], 0]);
    expect([fast.offsets, fast.holes]).toEqual([numbers(1, 8), 0]);
  });

  it("events of a stream in which each one counts are never left out", () => {
    const slow = new Reader("slow");
    const stage = new Stage([slow], { channel: "alerts", stream: "alerts" });
    slow.buffered = conflateBytesMax + 1;
    stage.flush("a");
    stage.flush("a");
    expect(slow.offsets).toEqual([1, 2]);
  });

  it("the slowest go first when all together hold too much, and no more than must", () => {
    const share = bufferedBytesMax / 2;
    const readers = numbers(1, Math.floor(relayUnreadBytesMax / share)).map((id) => new Reader(`r${id}`));
    const worst = new Reader("worst");
    const stage = new Stage([...readers, worst]);
    for (const reader of readers) reader.buffered = share;
    stage.flush("a");
    expect(stage.closed).toEqual([]);
    worst.buffered = share + 1;
    stage.flush("b");
    expect(stage.closed).toEqual([worst.connection]);
    stage.flush("c");
    expect(stage.closed).toHaveLength(1);
  });

  it("nobody is closed for what was read meanwhile", () => {
    const readers = numbers(1, 1 + relayUnreadBytesMax / bufferedBytesMax).map((id) => new Reader(`r${id}`));
    const stage = new Stage(readers);
    for (const reader of readers) {
      let looks = 0;
      Object.defineProperty(reader, "buffered", { get: () => (looks++ === 0 ? bufferedBytesMax : 0) });
    }
    stage.flush("a");
    expect(stage.closed).toEqual([]);
  });
});

describe("where only the client can say what it has read", () => {
  const acking = (id: string): Reader => {
    const reader = new Reader(id, { measured: false });
    reader.connection.expectAcks("opportunities", true);
    return reader;
  };
  /** About 700 bytes each. */
  const entities = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `x${String.fromCharCode(97 + (index % 26))}${index}`);

  it("one that stopped is closed within its bound; who acknowledges, and who was not asked, notice nothing", () => {
    const [silent, prompt, unasked] = [acking("silent"), acking("prompt"), new Reader("unasked", { measured: false })];
    const stage = new Stage([silent, prompt, unasked]);
    for (let second = 0; second < 40; second++) {
      stage.flush(...entities(200));
      if (second % 10 === 9) prompt.connection.acknowledge("opportunities", prompt.offsets.at(-1) ?? 0);
      vi.advanceTimersByTime(1_000);
    }
    expect(stage.closed).toEqual([silent.connection]);
    // Not before two periods have passed.
    expect(silent.offsets.length).toBeGreaterThanOrEqual((ackGraceMs / 1_000) * 200);
    expect([prompt.offsets, unasked.offsets]).toEqual([numbers(1, 8_000), numbers(1, 8_000)]);
  });

  it("one that lags a little is conflated until it says that it has read", () => {
    const slow = acking("slow");
    const stage = new Stage([slow]);
    stage.flush(...entities(600));
    vi.advanceTimersByTime(ackGraceMs + 1);
    stage.flush("a");
    stage.flush("a");
    vi.advanceTimersByTime(conflateEveryMs);
    expect(slow.offsets.slice(600)).toEqual([602]);
    slow.connection.acknowledge("opportunities", 602);
    stage.flush("a");
    stage.flush("a");
    expect([slow.offsets.slice(600), slow.holes]).toEqual([[602, 603, 604], 0]);
  });
});

it("an anonymous legacy view shows so many a second, the newest states, to all alike", () => {
  const readers = [new Reader("one", { dialect: "legacy" }), new Reader("two", { dialect: "legacy" })];
  const stage = new Stage(readers, { dialect: "legacy", view: "full" });
  const seconds = 20;
  for (let tick = 0; tick < seconds * 10; tick++) {
    stage.flush(...Array.from({ length: 20 }, (_, index) => `e${String.fromCharCode(97 + index)}${tick}`));
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(conflateEveryMs);
  const [one = [], two = []] = readers.map(({ texts }) => texts);
  expect(one).toEqual(two);
  expect(one.length).toBeLessThanOrEqual(legacyEventsBurst + (seconds + 1) * legacyEventsPerSecond);
  expect(one.length).toBeGreaterThan(legacyEventsBurst + (seconds - 4) * legacyEventsPerSecond);
  expect(one.at(-1)).toContain(`et${seconds * 10 - 1}`);
});

it("whoever lags whenever, nobody passes a hole or goes back, and in the end all know the newest state of everything", () => {
  const step = fc.record({
    entities: fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 6 }),
    slow: fc.subarray([0, 1, 2]),
    waitMs: fc.constantFrom(0, 20, 400, conflateEveryMs),
  });
  const property = fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
    const readers = numbers(1, 3).map((id) => new Reader(`r${id}`));
    const stage = new Stage(readers);
    for (const { entities, slow, waitMs } of steps) {
      readers.forEach((reader, index) => void (reader.buffered = slow.includes(index) ? conflateBytesMax + 1 : 0));
      stage.flush(...entities);
      vi.advanceTimersByTime(waitMs);
    }
    vi.advanceTimersByTime(conflateEveryMs);
    for (const reader of readers) {
      expect(reader.holes).toBe(0);
      expect(reader.offsets).toEqual([...new Set(reader.offsets)].sort((one, other) => one - other));
      expect(reader.newest).toEqual(stage.newest);
      expect(Math.max(...reader.frames.map(({ offset }) => offset))).toBe(stage.top);
    }
  });
  fc.assert(property, { numRuns: 300 });
});
