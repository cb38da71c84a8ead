import fc from "fast-check";
import { expect, it } from "vitest";
import type { Position } from "./channels.ts";
import * as tracker from "./tracker.ts";
import type { Act, Track } from "./tracker.ts";

const at = (offset: number, epoch = "e1"): Position => ({ epoch, offset });
const live = (offset: number): Track => ({ phase: "live", request: 3, reloads: 0, position: at(offset) });
const asked = (position: Position | undefined, reloads = 0): Track => ({
  phase: "subscribing",
  request: 3,
  reloads,
  ...(position === undefined ? {} : { position }),
});
const answer = (offset: number, over: object = {}) => ({
  epoch: "e1",
  offset,
  recovered: true,
  was_recovering: true,
  id: 3,
  ...over,
});
const refused = { recovered: false };
const rules = { reloads: true, isLastValue: false };

it.each<[why: string, track: Track, event: { epoch: string; offset: number; prev: number }, act: Act["kind"], last: number]>([
  ["a hole: something between 5 and 7 never came", live(5), { epoch: "e1", offset: 8, prev: 7 }, "resubscribe", 5],
  ["a hole, however far", live(5), { epoch: "e1", offset: 900, prev: 899 }, "resubscribe", 5],
  ["another epoch", live(5), { epoch: "e2", offset: 6, prev: 5 }, "resubscribe", 5],
  ["a repeat of the last", live(5), { epoch: "e1", offset: 5, prev: 4 }, "none", 5],
  ["a repeat of an older one", live(5), { epoch: "e1", offset: 2, prev: 1 }, "none", 5],
  ["a frame of a subscription that was given up", asked(at(5)), { epoch: "e1", offset: 6, prev: 5 }, "none", 5],
  ["an idle channel hears nothing", { ...live(5), phase: "idle" }, { epoch: "e1", offset: 6, prev: 5 }, "none", 5],
  ["while the snapshot is read", { ...live(5), phase: "reloading" }, { epoch: "e1", offset: 6, prev: 5 }, "none", 5],
  ["the next one", live(5), { epoch: "e1", offset: 6, prev: 5 }, "deliver", 6],
  ["the next one that matches a filter", live(5), { epoch: "e1", offset: 40, prev: 5 }, "deliver", 40],
  ["prev before us: a position frame came between", live(5), { epoch: "e1", offset: 40, prev: 2 }, "deliver", 40],
])("event: %s", (_why, track, event, act, last) => {
  const step = tracker.onEvent(track, event);
  expect([step.act.kind, step.track.position?.offset]).toEqual([act, last]);
});

it.each<
  [why: string, track: Track, frame: Parameters<typeof tracker.onSubscribed>[1], act: Act, phase: Track["phase"], last: number | undefined]
>([
  ["an answer to another request", asked(at(5)), answer(9, { id: 2 }), { kind: "none" }, "subscribing", 5],
  ["an answer nobody waits for", live(5), answer(9), { kind: "none" }, "live", 5],
  ["not recovered", asked(at(5)), answer(9, refused), { kind: "lost", from: at(5), to: at(9), reload: true }, "reloading", 5],
  [
    "recovered in another epoch is no recovery",
    asked(at(5)),
    answer(5, { epoch: "e2" }),
    { kind: "lost", from: at(5), to: at(5, "e2"), reload: true },
    "reloading",
    5,
  ],
  [
    "recovered from beyond us would hide a hole",
    asked(at(5)),
    answer(9),
    { kind: "lost", from: at(5), to: at(9), reload: true },
    "reloading",
    5,
  ],
  [
    "reloads that never lead to a recovery end",
    asked(at(5), 3),
    answer(9, refused),
    { kind: "lost", from: at(5), to: at(9), reload: false },
    "live",
    9,
  ],
  ["recovered", asked(at(5)), answer(5), { kind: "subscribed", recovered: true }, "live", 5],
  [
    "the first time",
    asked(undefined),
    answer(9, { recovered: false, was_recovering: false }),
    { kind: "subscribed", recovered: false },
    "live",
    9,
  ],
])("subscribed: %s", (_why, track, frame, act, phase, last) => {
  const step = tracker.onSubscribed(track, frame, rules);
  expect(step.act).toEqual(act);
  expect([step.track.phase, step.track.position?.offset]).toEqual([phase, last]);
});

it("admits a loss and goes on at once where there is no snapshot to read", () => {
  const step = tracker.onSubscribed(asked(at(5)), answer(9, refused), { ...rules, reloads: false });
  expect(step.act).toEqual({ kind: "lost", from: at(5), to: at(9), reload: false });
  expect(step.track).toMatchObject({ phase: "live", position: at(9) });
});

it.each([
  ["of another epoch", answer(8, { epoch: "e2" }), at(8, "e2")],
  ["beyond the top", answer(3), at(3)],
  ["before the newest", answer(5), at(5)],
])("takes a last-value channel's recovery from a position %s: its newest event follows", (_why, frame, position) => {
  const step = tracker.onSubscribed(asked(at(5)), frame, { ...rules, isLastValue: true });
  expect(step).toMatchObject({ act: { kind: "subscribed", recovered: true }, track: { phase: "live", position } });
});

it.each<[code: number, phase: Track["phase"], act: Act["kind"], after: Track["phase"]]>([
  [2003, "live", "ended", "ended"],
  [2003, "reloading", "ended", "ended"],
  [2499, "live", "ended", "ended"],
  [2500, "live", "resubscribe", "live"],
  [2501, "live", "resubscribe", "live"],
  [2500, "reloading", "none", "reloading"],
  [2003, "subscribing", "none", "subscribing"],
  [2500, "subscribing", "none", "subscribing"],
  [2500, "idle", "none", "idle"],
])("unsubscribed with %i while %s: %s", (code, phase, act, after) => {
  const step = tracker.onUnsubscribed({ ...live(5), phase }, code);
  expect([step.act.kind, step.track.phase]).toEqual([act, after]);
});

it("takes a position frame forward only, and only when live", () => {
  expect(tracker.onPosition(live(5), 9).position?.offset).toBe(9);
  expect(tracker.onPosition(live(5), 3).position?.offset).toBe(5);
  expect(tracker.onPosition(asked(at(5)), 9).position?.offset).toBe(5);
});

it("refuses a snapshot behind what was delivered, which would bring the same events again", () => {
  expect(tracker.isUsable(live(5), at(4))).toBe(false);
  expect(tracker.isUsable(live(5), at(5))).toBe(true);
  expect(tracker.isUsable(live(5), at(1, "e2"))).toBe(true);
  expect(tracker.isUsable(tracker.begin(undefined), at(0))).toBe(true);
});

it("goes on from the snapshot, or without one from where the edge would go on", () => {
  const reloading = tracker.onSubscribed(asked(at(5)), answer(90, refused), rules).track;
  expect(tracker.onReloaded(reloading, at(80))).toMatchObject({ phase: "idle", position: at(80), reloads: 1 });
  expect(tracker.onReloadFailed(reloading)).toMatchObject({ phase: "idle", position: at(90), reloads: 0 });
});

/** A stream of 1, 2, 3, … of which a filter takes some, behind a line that loses, repeats and cuts. */
const faults = fc.array(fc.constantFrom("event", "event", "event", "lose", "repeat", "cut", "trim", "position"), {
  minLength: 1,
  maxLength: 120,
});

it("under any loss, repeat, cut and trim delivers each matching event once and in order, or says between which positions it could not", () => {
  fc.assert(
    fc.property(faults, fc.integer({ min: 1, max: 4 }), (script, everyNth) => {
      const edge = new SimulatedEdge(everyNth);
      const client = new SimulatedClient(edge);
      for (const fault of script) {
        edge.step(fault, client);
        client.heal();
      }
      edge.step("event", client);
      edge.step("position", client);
      client.heal();
      expect(client.delivered).toEqual([...client.delivered].sort((a, b) => a - b));
      expect(new Set(client.delivered).size).toBe(client.delivered.length);
      expect([...client.delivered, ...edge.matching.filter((offset) => client.wasLost(offset))].sort((a, b) => a - b)).toEqual(
        edge.matching,
      );
    }),
    { numRuns: 2_000 },
  );
});

/** The other end of the protocol, as docs/protocol.md describes it. */
class SimulatedEdge {
  top = 0;
  first = 1;
  readonly #everyNth: number;

  constructor(everyNth: number) {
    this.#everyNth = everyNth;
  }

  get matching(): number[] {
    return Array.from({ length: this.top }, (_, index) => index + 1).filter((offset) => offset % this.#everyNth === 0);
  }

  prevOf(offset: number): number {
    return Math.max(0, offset - this.#everyNth);
  }

  step(fault: string, client: SimulatedClient): void {
    if (fault === "cut") return client.reconnect();
    if (fault === "trim") this.first = this.top + 1;
    else if (fault === "repeat") client.hear(this.matching.at(-1));
    else if (fault === "position") client.position(this.top);
    else this.#publish(fault === "lose", client);
  }

  #publish(isLost: boolean, client: SimulatedClient): void {
    this.top += 1;
    if (isLost || this.top % this.#everyNth !== 0) return;
    client.hear(this.top);
  }

  /** What follows a subscribe frame: recovered or not, and the missed ones. */
  answer(position: Position | undefined): { recovered: boolean; offset: number; missed: number[] } {
    const recovered = position !== undefined && (position.offset === this.top || this.first <= position.offset + 1);
    const offset = recovered ? position.offset : this.top;
    return { recovered, offset, missed: recovered ? this.matching.filter((each) => each > offset) : [] };
  }
}

class SimulatedClient {
  readonly delivered: number[] = [];
  readonly #lost: [number, number][] = [];
  readonly #edge: SimulatedEdge;
  #track = tracker.begin(undefined);
  #broken = false;
  #missed: number[] = [];

  constructor(edge: SimulatedEdge) {
    this.#edge = edge;
    this.reconnect();
  }

  wasLost(offset: number): boolean {
    return this.#lost.some(([from, to]) => offset > from && offset <= to);
  }

  reconnect(): void {
    this.#track = tracker.onDisconnected(this.#track);
    this.#subscribe();
  }

  /** The edge answers a renewal only now: what came meanwhile belongs to the broken subscription. */
  heal(): void {
    if (this.#broken) this.#subscribe();
    this.#broken = false;
  }

  hear(offset: number | undefined): void {
    if (offset === undefined) return;
    const { track, act } = tracker.onEvent(this.#track, { epoch: "e1", offset, prev: this.#edge.prevOf(offset) });
    this.#track = track;
    if (act.kind === "deliver") this.delivered.push(offset);
    if (act.kind === "resubscribe") this.#broken = true;
  }

  /** Sent in order after everything before it, so a lost frame is a lost connection's: the edge would not skip it. */
  position(offset: number): void {
    const last = this.#edge.matching.at(-1) ?? 0;
    if ((this.#track.position?.offset ?? 0) >= last) this.#track = tracker.onPosition(this.#track, offset);
    else this.hear(last);
  }

  #subscribe(): void {
    this.#track = tracker.onAsked(this.#track, 1);
    const from = this.#track.position;
    const { recovered, offset, missed } = this.#edge.answer(from);
    const frame = { epoch: "e1", offset, recovered, was_recovering: from !== undefined, id: 1 };
    const { track, act } = tracker.onSubscribed(this.#track, frame, { ...rules, reloads: false });
    this.#track = track;
    if (act.kind === "lost") this.#lost.push([act.from?.offset ?? 0, act.to.offset]);
    this.#missed = missed;
    for (const each of this.#missed) this.hear(each);
  }
}
