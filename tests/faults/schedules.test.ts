import fc from "fast-check";
import { expect, it } from "vitest";
import { renewEveryMs } from "../../schemas/limits.ts";
import { World } from "./hub-and-relay.ts";

type Command = (world: World) => void;

const index = fc.nat(7);
/** Weighted so that most of the time something flows: a relay that is always down meets no hole. */
const commands: readonly fc.WeightedArbitrary<Command>[] = [
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }).map((count) => (world) => world.publish(count)) },
  { weight: 16, arbitrary: index.map((at) => (world) => world.arrive(at)) },
  { weight: 2, arbitrary: index.map((at) => (world) => world.arrive(at, true)) },
  { weight: 2, arbitrary: index.map((at) => (world) => world.lose(at)) },
  { weight: 4, arbitrary: fc.constantFrom(1, 60, 300, 5_000, 31_000).map((ms) => (world) => world.tick(ms)) },
  { weight: 1, arbitrary: fc.constant((world) => world.restartHub()) },
  { weight: 1, arbitrary: fc.constant((world) => (world.restartRelay(), world.subscribe())) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }).map((by) => (world) => world.wakeRelayBehind(by)) },
];
const trims: fc.WeightedArbitrary<Command> = { weight: 1, arbitrary: fc.nat(4).map((keep) => (world) => world.trim(keep)) };

function run(steps: readonly Command[]): World {
  const world = new World();
  world.subscribe();
  for (const step of steps) step(world);
  return world;
}

it("shows each offset once and in order and needs no announcement while the log holds everything, under any schedule of loss, delay, repeats, reordering and restarts", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(...commands), { maxLength: 120 }), (steps) => {
      const world = run(steps);
      expect(world.faults).toEqual([]);
      expect(world.announced).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});

it("brings the relay to the top within one renewal of silence, whatever happened before", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(...commands, trims), { maxLength: 120 }), (steps) => {
      const world = run(steps);
      world.subscribe();
      world.calm(renewEveryMs + 6_000);
      expect(world.faults).toEqual([]);
      expect(world.position).toBe(world.top);
    }),
    { numRuns: 2_000 },
  );
});

it("tells the client where the log no longer reaches back, and never skips in silence", () => {
  const world = new World();
  world.subscribe();
  world.calm(1_000);
  world.publish(3);
  while (world.wire.length > 0) world.lose(0);
  world.publish(5);
  world.trim(2);
  world.calm(10_000);
  expect(world.announced).toBe(1);
  expect(world.faults).toEqual([]);
  expect(world.position).toBe(8);
});
