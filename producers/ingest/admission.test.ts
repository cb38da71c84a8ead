import { describe, expect, it } from "vitest";
import {
  afterRefusal,
  entered,
  findRefusal,
  idleFlow,
  inFlightMin,
  left,
  waitMsMax,
  wantedAtDoor,
  wantedBy,
  windowMs,
} from "./admission.ts";
import type { Flow } from "./admission.ts";

const single = [wantedBy("s", 9)];
const batch = [wantedBy("s", 10)];

function isRefused(flow: Flow, wanted = batch): boolean {
  return findRefusal(new Map([["s", flow]]), wanted) !== undefined;
}

function enter(flow: Flow, times: number): Flow {
  return Array.from({ length: times }).reduce((state: Flow) => entered(state), flow);
}

interface Answers {
  readonly waitMs: number;
  readonly everyMs: number;
  readonly fromMs: number;
  readonly forMs?: number;
}

/** Answers at a steady pace, each replaced by another publish: what is under way stays the same. */
function answer(flow: Flow, { waitMs, everyMs, fromMs, forMs = 2 * windowMs }: Answers): Flow {
  let state = flow;
  for (let nowMs = fromMs; nowMs <= fromMs + forMs; nowMs += everyMs)
    state = left(entered(state), { startedAtMs: nowMs - waitMs, nowMs, answered: true });
  return state;
}

const overloaded = answer(enter(idleFlow, 400), { waitMs: waitMsMax + 1, everyMs: 5, fromMs: 10_000 });

describe("a stream that keeps up", () => {
  it("has no limit, however much is under way", () => {
    expect(isRefused(enter(idleFlow, 10_000), single)).toBe(false);
    expect(isRefused(answer(enter(idleFlow, 500), { waitMs: waitMsMax, everyMs: 1, fromMs: 10_000 }), single)).toBe(false);
  });

  it("is not refused for one answer in time among many late ones: a stall drains by itself", () => {
    let flow = enter(idleFlow, 400);
    for (let index = 0; index <= 100; index += 1) {
      const nowMs = 10_000 + index * 10;
      flow = left(flow, { startedAtMs: nowMs - (index % 40 === 5 ? 10 : 1_400), nowMs, answered: true });
    }
    expect(isRefused(flow, single)).toBe(false);
  });

  it("is not refused for silence: that is the breaker's", () => {
    let flow = enter(idleFlow, 400);
    for (let index = 0; index < 300; index += 1) flow = left(flow, { startedAtMs: 10_000, nowMs: 11_500 + index * 10, answered: false });
    expect(flow.inFlight).toBe(100);
    expect(isRefused(flow, single)).toBe(false);
  });
});

describe("a stream whose luckiest publish waits too long", () => {
  it("lets in as many as it answers within the bound, and a few always", () => {
    // One each 5 ms: 100 within half a second.
    expect(overloaded.limit).toBeGreaterThan(90);
    expect(overloaded.limit).toBeLessThanOrEqual(101);
    expect(isRefused(overloaded)).toBe(true);
    const slow = answer(enter(idleFlow, 20), { waitMs: 1_000, everyMs: 400, fromMs: 10_000, forMs: 2_000 });
    expect(slow.limit).toBe(inFlightMin);
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

  it("lets in more as soon as waits are short, and fewer when they grow", () => {
    const at = (waitMs: number, everyMs: number): number =>
      answer(afterRefusal(overloaded, 20_000), { waitMs, everyMs, fromMs: 20_000 }).limit;
    expect(at(250, 2)).toBeGreaterThan(2 * overloaded.limit);
    expect(at(waitMsMax + 1, 20)).toBeLessThan(overloaded.limit / 2);
    // Fewer answers in time may mean that fewer were asked.
    expect(at(10, 100)).toBe(overloaded.limit);
  });

  it("has no limit any more once nobody was refused for a while", () => {
    const flow = afterRefusal(overloaded, 20_000);
    expect(Number.isFinite(answer(flow, { waitMs: 10, everyMs: 5, fromMs: 25_000 }).limit)).toBe(true);
    expect(Number.isFinite(answer(flow, { waitMs: 10, everyMs: 5, fromMs: 31_000 }).limit)).toBe(false);
  });

  it("does not take a pause for a low rate", () => {
    const afterPause = left(entered(overloaded), { startedAtMs: 60_000 - 600, nowMs: 60_000, answered: true });
    expect(afterPause.limit).toBe(overloaded.limit);
  });
});

it("takes a post for a single by its size before it is read", () => {
  expect([wantedAtDoor(0).isSmall, wantedAtDoor(1_999).isSmall, wantedAtDoor(2_000).isSmall]).toEqual([true, true, false]);
});
