import { describe, expect, it } from "vitest";
import {
  afterRefusal,
  door,
  doorFloor,
  entered,
  findRefusal,
  idleFlow,
  left,
  streamFloor,
  wantedAtDoor,
  waitMsMax,
  wantedBy,
  windowMs,
} from "./admission.ts";
import type { Flow } from "./admission.ts";

const single = [wantedBy("s", 9)];
const batch = [wantedBy("s", 10)];
const idle = idleFlow("s");

function isRefused(flow: Flow, wanted = batch): boolean {
  return findRefusal(new Map([["s", flow]]), wanted) !== undefined;
}

function enter(flow: Flow, times: number): Flow {
  return Array.from({ length: times }).reduce((state: Flow) => entered(state), flow);
}

interface Pace {
  readonly everyMs: number;
  readonly fromMs: number;
  readonly forMs?: number;
}

/** Answers at a steady pace, each replaced by another publish: what is under way stays the same. */
function answer(flow: Flow, { everyMs, fromMs, forMs = 3 * windowMs }: Pace): Flow {
  let state = flow;
  for (let nowMs = fromMs; nowMs <= fromMs + forMs; nowMs += everyMs) state = entered(left(state, { nowMs, answered: true }));
  return state;
}

/** One each 5 ms is a hundred within the bound. */
const overloaded = answer(enter(idle, 400), { everyMs: 5, fromMs: 10_000 });

describe("a stream that keeps up", () => {
  it("has no limit, however much is under way", () => {
    expect(isRefused(enter(idle, 10_000), single)).toBe(false);
    expect(isRefused(answer(enter(idle, 490), { everyMs: 1, fromMs: 10_000 }), single)).toBe(false);
  });

  it("may always have a few late answers", () => {
    expect(isRefused(answer(enter(idle, streamFloor), { everyMs: 450, fromMs: 10_000, forMs: 5_000 }))).toBe(false);
  });

  it.each([0, 300, 900])("is not refused for a stall of a second that it makes up for, %i ms after an answer", (sinceMs) => {
    let flow = enter(left(entered(idle), { nowMs: 11_000 - sinceMs, answered: true }), 400);
    for (let index = 0; index < 400; index += 1) flow = left(flow, { nowMs: 11_000 + index * 2, answered: true });
    expect(isRefused(flow, single)).toBe(false);
    // As many as it has just done in half a second.
    expect(flow.limit).toBeGreaterThanOrEqual(250);
  });

  it("is not refused for silence: that is the breaker's", () => {
    let flow = enter(idle, 400);
    for (let index = 0; index < 300; index += 1) flow = left(flow, { nowMs: 11_500 + index * 10, answered: false });
    expect(flow.inFlight).toBe(100);
    expect(isRefused(flow, single)).toBe(false);
  });
});

describe("a stream of which more is under way than it does within the bound", () => {
  it("lets in as many as it does within the bound, and a few always", () => {
    expect(overloaded.limit).toBeGreaterThan(90);
    expect(overloaded.limit).toBeLessThanOrEqual(101);
    expect(isRefused(overloaded)).toBe(true);
    expect(answer(enter(idle, 20), { everyMs: 400, fromMs: 10_000, forMs: 4_000 }).limit).toBe(streamFloor);
  });

  it("refuses small posts first", () => {
    const flow = { ...overloaded, inFlight: Math.ceil(overloaded.limit * 0.75) };
    expect(isRefused(flow, single)).toBe(true);
    expect(isRefused(flow, batch)).toBe(false);
    const told = (wanted: typeof batch): number => findRefusal(new Map([["s", overloaded]]), wanted)?.retryAfterMs ?? 0;
    expect(told(single)).toBeGreaterThan(told(batch));
  });

  it("refuses a request of several streams when one of them has no room", () => {
    expect(findRefusal(new Map([["s", overloaded]]), [wantedBy("t", 1), ...single])).toMatchObject({ stream: "s" });
    expect(findRefusal(new Map([["s", overloaded]]), [wantedBy("t", 1)])).toBeUndefined();
  });

  it("lets in more as soon as it does more, and fewer when it does less", () => {
    const at = (inFlight: number, everyMs: number): number =>
      answer(afterRefusal({ ...overloaded, inFlight }, 20_000), { everyMs, fromMs: 20_000 }).limit;
    expect(at(100, 2)).toBeGreaterThan(2 * overloaded.limit);
    expect(at(100, 20)).toBeLessThan(overloaded.limit / 2);
    // Fewer answers may mean that fewer were asked.
    expect(at(2, 100)).toBe(overloaded.limit);
  });

  it("has no limit any more once nobody was refused for a while", () => {
    const flow = afterRefusal({ ...overloaded, inFlight: 2 }, 20_000);
    expect(Number.isFinite(answer(flow, { everyMs: 5, fromMs: 25_000 }).limit)).toBe(true);
    expect(Number.isFinite(answer(flow, { everyMs: 5, fromMs: 31_000 }).limit)).toBe(false);
  });

  it("does not take a pause for a low rate", () => {
    expect(left(overloaded, { nowMs: 60_000, answered: true }).limit).toBe(overloaded.limit);
  });
});

interface Second {
  taken: number;
  refused: number;
  done: number;
  waitMsMax: number;
}

interface Offer {
  readonly perSecond: number;
  readonly doesPerSecond: number;
  readonly seconds: number;
}

/** A channel that does one publish after the other is offered single posts at an even pace: what becomes of them, second by second. */
function offer({ perSecond, doesPerSecond, seconds }: Offer): Second[] {
  const none = (): Second => ({ taken: 0, refused: 0, done: 0, waitMsMax: 0 });
  const report = Array.from({ length: seconds }, none);
  const at = (ms: number): Second => report[Math.floor(ms / 1_000)] ?? none();
  const underWay: number[] = [];
  let flow = idle;
  let freeMs = 0;
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const nowMs = (index * 1_000) / perSecond;
    for (let next = underWay[0]; next !== undefined && next <= nowMs; next = underWay[0]) {
      underWay.shift();
      at(next).done += 1;
      flow = left(flow, { nowMs: startMs + next, answered: true });
    }
    if (isRefused(flow, single)) {
      flow = afterRefusal(flow, startMs + nowMs);
      at(nowMs).refused += 1;
      continue;
    }
    flow = entered(flow);
    freeMs = Math.max(freeMs, nowMs) + 1_000 / doesPerSecond;
    underWay.push(freeMs);
    at(nowMs).taken += 1;
    at(nowMs).waitMsMax = Math.max(at(nowMs).waitMsMax, freeMs - nowMs);
  }
  return report;
}

const startMs = 10_000;

describe("a stream that is offered twice as many singles as it does", () => {
  const seconds = offer({ perSecond: 1_760, doesPerSecond: 880, seconds: 30 });

  it("does no fewer for that", () => {
    for (const { done } of seconds.slice(1)) expect(done).toBeGreaterThanOrEqual(0.99 * 880);
  });

  it("knows it within a second or so, before anybody waits much longer than that", () => {
    expect(Math.max(...seconds.map(({ waitMsMax: waitedMs }) => waitedMs))).toBeLessThan(1_100);
  });

  it("refuses the half that it does not do, and none that it takes waits longer than the bound", () => {
    for (const { taken, refused, waitMsMax: waitedMs } of seconds.slice(2)) {
      expect(waitedMs).toBeLessThanOrEqual(waitMsMax);
      expect(taken / (taken + refused)).toBeGreaterThan(0.45);
      expect(taken / (taken + refused)).toBeLessThan(0.55);
    }
  });

  it("refuses none where it is offered what it does", () => {
    expect(offer({ perSecond: 860, doesPerSecond: 880, seconds: 30 }).every(({ refused }) => refused === 0)).toBe(true);
  });
});

it("has room at its door for slow senders, up to what an isolate can hold", () => {
  const slow = answer(enter(idleFlow(door), doorFloor), { everyMs: 450, fromMs: 10_000, forMs: 5_000 });
  expect(findRefusal(new Map([[door, slow]]), [wantedAtDoor(9_000)])).toBeUndefined();
  const more = answer(enter(idleFlow(door), doorFloor + 1), { everyMs: 450, fromMs: 10_000, forMs: 5_000 });
  expect(findRefusal(new Map([[door, more]]), [wantedAtDoor(9_000)])).toMatchObject({ stream: door });
});

it("takes a post for a single by its size before it is read", () => {
  expect([wantedAtDoor(0).isSmall, wantedAtDoor(1_999).isSmall, wantedAtDoor(2_000).isSmall]).toEqual([true, true, false]);
});
