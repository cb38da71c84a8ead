/** The link to Contabo in virtual time: every rule of docs/producers.md about silence, failover and the way back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueMs, newLink, step } from "./link.ts";
import type { LinkAction, LinkEvent, LinkState } from "./link.ts";
import { answerMs, delayMs, returnAfterMs } from "./timing.ts";

/** Backends as scripts: what backend n does when it is dialled or asked, as time goes on. */
interface Backend {
  /** The dial succeeds, is refused, or nothing ever comes of it. */
  connects(nowMs: number): "yes" | "no" | "never";
  answersPings(nowMs: number): boolean;
}

const alive: Backend = { connects: () => "yes", answersPings: () => true };
const mute: Backend = { connects: () => "yes", answersPings: () => false };
const refusing: Backend = { connects: () => "no", answersPings: () => false };
const dead: Backend = { connects: () => "never", answersPings: () => false };
const until = (endMs: number, before: Backend, after: Backend): Backend => ({
  connects: (nowMs) => (nowMs < endMs ? before : after).connects(nowMs),
  answersPings: (nowMs) => (nowMs < endMs ? before : after).answersPings(nowMs),
});

interface Entry {
  readonly atMs: number;
  readonly what: string;
}

class World {
  state: LinkState;
  nowMs = 0;
  readonly log: Entry[] = [];
  readonly #backends: readonly Backend[];
  readonly #random: number;
  readonly #dialled = new Map<number, number>();
  /** Dials that hold a subscription. */
  readonly subscribed = new Set<number>();
  subscribedMost = 0;

  constructor(backends: readonly Backend[], random = 0.99) {
    this.#backends = backends;
    this.#random = random;
    this.state = newLink(backends.length, 0);
  }

  give(event: LinkEvent): void {
    const { state, actions } = step(this.state, event, { nowMs: this.nowMs, random: this.#random });
    this.state = state;
    for (const action of actions) this.#act(action);
  }

  /** Ticks whenever something is due, and never twice in one instant for nothing. */
  runTo(endMs: number): this {
    for (let ticks = 0; ticks < 100_000; ticks += 1) {
      const due = Math.max(this.nowMs, dueMs(this.state));
      if (due > endMs) break;
      this.nowMs = due;
      this.give({ kind: "tick" });
    }
    this.nowMs = endMs;
    return this;
  }

  openBackend(): number | undefined {
    return this.state.link.kind === "open" ? this.state.link.backend : undefined;
  }

  firstOpenAtMs(backend: number): number | undefined {
    return this.log.find(({ what }) => what === `greet ${backend}`)?.atMs;
  }

  #act(action: LinkAction): void {
    const { kind, dial } = action;
    if (kind === "dial") this.#dialled.set(dial, action.backend);
    const backend = this.#dialled.get(dial) ?? -1;
    this.log.push({ atMs: this.nowMs, what: `${kind} ${backend}` });
    if (kind === "greet") this.subscribed.add(dial);
    if (kind === "close") this.subscribed.delete(dial);
    this.subscribedMost = Math.max(this.subscribedMost, this.subscribed.size);
    const script = this.#backends[backend];
    if (kind === "dial" && script?.connects(this.nowMs) === "yes") this.give({ kind: "opened", dial });
    if (kind === "dial" && script?.connects(this.nowMs) === "no") this.give({ kind: "lost", dial, why: "refused" });
    if (kind === "ping" && script?.answersPings(this.nowMs) === true) this.give({ kind: "heard", dial, isPong: true });
  }

  dialOf(backend: number): number {
    return [...this.#dialled].findLast(([, of]) => of === backend)?.[0] ?? -1;
  }
}

describe("a first backend that is not there", () => {
  it.each([
    ["refuses", refusing],
    ["never answers the dial", dead],
    ["connects and says nothing", mute],
  ])("which %s is replaced within ten seconds", (_, first) => {
    const world = new World([first, alive]).runTo(10_000);
    expect(world.openBackend()).toBe(1);
    expect(world.firstOpenAtMs(1)).toBeLessThan(10_000);
  });

  it.each([
    ["stalls", mute],
    ["vanishes from the network", dead],
  ])("and one that served and then %s is replaced within ten seconds of it", (_, after) => {
    const world = new World([until(61_000, alive, after), alive]).runTo(71_000);
    expect([world.openBackend(), world.state.failovers]).toEqual([1, 1]);
  });

  it("is asked twice after a close, because a close may be a restart", () => {
    const world = new World([alive, alive]).runTo(20_000);
    world.give({ kind: "lost", dial: world.dialOf(0), why: "closed" });
    world.runTo(21_000);
    expect([world.openBackend(), world.state.failovers]).toEqual([0, 0]);
    world.give({ kind: "lost", dial: world.dialOf(0), why: "closed" });
    world.runTo(23_000);
    expect([world.openBackend(), world.state.failovers]).toEqual([1, 1]);
  });

  it("is left at once when it does not take our token", () => {
    const world = new World([alive, alive]).runTo(1_000);
    world.give({ kind: "lost", dial: world.dialOf(0), why: "denied" });
    world.runTo(2_000);
    expect(world.openBackend()).toBe(1);
  });

  it("is dialled ever more seldom when it is the only one", () => {
    const world = new World([refusing], 0.999).runTo(600_000);
    const dials = world.log.filter(({ what }) => what === "dial 0").map(({ atMs }) => atMs);
    const waits = dials.slice(1).map((atMs, index) => atMs - (dials[index] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(waits.slice(0, 4)).toEqual([799, 1_598, 3_197, 6_394]);
    expect(world.state.failovers).toBe(0);
  });
});

describe("silence", () => {
  it("is asked about after three seconds, and an answer is enough", () => {
    const world = new World([alive]).runTo(60_000);
    expect([world.openBackend(), world.state.dials]).toEqual([0, 1]);
    expect(world.log.filter(({ what }) => what === "ping 0")).toHaveLength(20);
  });

  it("of a backend that never answers pings is borne twice as long each time, up to a minute", () => {
    const world = new World([mute], 0).runTo(600_000);
    const dials = world.log.filter(({ what }) => what === "dial 0").map(({ atMs }) => atMs);
    expect(dials.slice(0, 6)).toEqual([0, 7_000, 18_000, 37_000, 72_000, 135_000]);
    expect(answerMs(40)).toBe(60_000);
  });

  it("is over with any frame, also one that is no pong", () => {
    const world = new World([mute], 0).runTo(3_500);
    world.give({ kind: "heard", dial: world.dialOf(0), isPong: false });
    world.runTo(10_400);
    expect(world.state.dials).toBe(1);
    world.runTo(10_600);
    expect(world.state.dials).toBe(2);
  });
});

describe("the way back", () => {
  const back = (): World => new World([until(1, refusing, until(100_000, dead, alive)), alive]);

  it("is not taken while the first backend does not answer", () => {
    const world = back().runTo(99_000);
    expect([world.openBackend(), world.state.returns]).toEqual([1, 0]);
    expect(world.log.filter(({ what }) => what === "dial 0").length).toBeGreaterThan(2);
  });

  it("is taken once it answers a ping, and never are both subscribed", () => {
    const world = back().runTo(200_000);
    expect([world.openBackend(), world.state.returns, world.subscribedMost]).toEqual([0, 1, 1]);
    const order = world.log.slice(-30).map(({ what }) => what);
    expect(order.indexOf("close 1")).toBeLessThan(order.lastIndexOf("greet 0"));
  });

  it("is not taken to one that connects and says nothing", () => {
    const world = new World([until(1, refusing, mute), alive]).runTo(600_000);
    expect([world.openBackend(), world.state.returns]).toEqual([1, 0]);
  });

  it("is tried ever later after returns that did not last", () => {
    expect([0, 1, 2, 10].map(returnAfterMs)).toEqual([60_000, 120_000, 240_000, 900_000]);
    // Lives for half a minute out of every two.
    const flapping: Backend = { connects: () => "yes", answersPings: (nowMs) => nowMs % 120_000 < 30_000 };
    const world = new World([flapping, alive]).runTo(3_600_000);
    expect(world.state.returns).toBeLessThan(8);
    expect(world.subscribedMost).toBe(1);
  });
});

it("listens to nothing that an earlier dial still says", () => {
  const world = new World([alive, alive]).runTo(1_000);
  const before = world.state;
  for (const event of [
    { kind: "opened", dial: 0 },
    { kind: "heard", dial: 0, isPong: true },
    { kind: "lost", dial: 0, why: "closed" },
  ] as const) {
    world.give(event);
    expect(world.state).toBe(before);
  }
});

it("waits anywhere between nothing and a bound that doubles", () => {
  expect([delayMs(1, 0), delayMs(1, 0.5), delayMs(3, 0.5), delayMs(50, 0.5)]).toEqual([0, 400, 1_600, 15_000]);
});

it("whatever happens, is subscribed at one at most, leaves no connection open that it does not use, and has something to wait for", () => {
  const happening = fc.oneof(
    fc.record({ kind: fc.constant("tick" as const), afterMs: fc.integer({ min: 0, max: 70_000 }) }),
    fc.record({
      kind: fc.constantFrom("opened" as const, "heard" as const, "pong" as const, "lost" as const),
      // Counted back from the newest dial.
      back: fc.integer({ min: 0, max: 2 }),
      why: fc.constantFrom("refused" as const, "closed" as const, "denied" as const),
    }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 200 }), fc.integer({ min: 1, max: 3 }), (happenings, backends) => {
      const connections = new Map<number, "dialled" | "subscribed">();
      let state = newLink(backends, 0);
      let nowMs = 0;
      const give = (event: LinkEvent): void => {
        const next = step(state, event, { nowMs, random: 0.5 });
        state = next.state;
        for (const { kind, dial } of next.actions) {
          if (kind === "dial") connections.set(dial, "dialled");
          if (kind === "greet") connections.set(dial, "subscribed");
          if (kind === "close") connections.delete(dial);
        }
        const used = [state.link, state.probe].flatMap((one) => (one !== undefined && "dial" in one ? [one.dial] : []));
        expect([...connections.keys()].sort()).toEqual(used.sort());
        expect([...connections.values()].filter((is) => is === "subscribed").length).toBeLessThanOrEqual(1);
        expect(dueMs(state)).toBeLessThan(nowMs + 16 * 60_000);
        expect(state.probe === undefined || state.link.backend > 0).toBe(true);
      };
      for (const happening of happenings) {
        if (happening.kind === "tick") {
          nowMs += happening.afterMs;
          give({ kind: "tick" });
          continue;
        }
        const dial = state.dials - happening.back;
        if (happening.kind === "lost") give({ kind: "lost", dial, why: happening.why });
        else if (happening.kind === "opened") give({ kind: "opened", dial });
        else give({ kind: "heard", dial, isPong: happening.kind === "pong" });
      }
    }),
    { numRuns: 300 },
  );
});
