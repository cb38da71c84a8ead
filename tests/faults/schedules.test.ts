import fc from "fast-check";
import { expect, it } from "vitest";
import { renewEveryMs } from "../../schemas/limits.ts";
import { World } from "./hub-and-relay.ts";

type Command = (world: World) => void;

const index = fc.nat(7);
const commands: readonly fc.Arbitrary<Command>[] = [
  fc.integer({ min: 1, max: 5 }).map((count) => (world) => world.publish(count)),
  index.map((at) => (world) => world.arrive(at)),
  index.map((at) => (world) => world.arrive(at)),
  index.map((at) => (world) => world.arrive(at, true)),
  index.map((at) => (world) => world.lose(at)),
  fc.constantFrom(1, 60, 300, 5_000, 31_000).map((ms) => (world) => world.tick(ms)),
  fc.constant<Command>((world) => world.restartHub()),
  fc.constant<Command>((world) => world.restartRelay()),
  fc.constant<Command>((world) => world.subscribe()),
  fc.integer({ min: 1, max: 4 }).map((by) => (world) => world.wakeRelayBehind(by)),
];
const trims = fc.nat(4).map((keep): Command => (world) => world.trim(keep));

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
