import { expect, it } from "vitest";
import { TimeoutError } from "../../platform/timeout.ts";
import { KeptStubs } from "./kept-stubs.ts";

/** Stubs are numbers, in the order they are made; `dead` ones throw. */
function world(): { stubs: KeptStubs<number>; made: () => number; dead: Set<number>; ask: () => Promise<number> } {
  const dead = new Set<number>();
  let made = 0;
  const stubs = new KeptStubs(() => (made += 1));
  const call = async (stub: number): Promise<number> => {
    if (dead.has(stub)) throw new Error(`stub ${stub} is dead`);
    return stub;
  };
  return { stubs, made: () => made, dead, ask: () => stubs.ask("relay:weur:0", call) };
}

it("asks a new stub at once when the one it kept has died, and keeps that one", async () => {
  const { dead, ask } = world();
  expect(await ask()).toBe(1);
  dead.add(1);
  expect([await ask(), await ask()]).toEqual([2, 2]);
});

it("keeps no stub that failed at its first call, and tells of it", async () => {
  const { dead, ask, made } = world();
  dead.add(1);
  await expect(ask()).rejects.toThrow("stub 1 is dead");
  expect([await ask(), made()]).toEqual([2, 2]);
});

it("tells of the second failure when the new stub is dead as well", async () => {
  const { dead, ask } = world();
  await ask();
  dead.add(1).add(2);
  await expect(ask()).rejects.toThrow("stub 2 is dead");
});

it("does not ask twice who did not answer in time: the call may still land", async () => {
  const { stubs, ask, made } = world();
  await ask();
  const silent = (): Promise<never> => Promise.reject(new TimeoutError("relay:weur:0", 5_000));
  await expect(stubs.ask("relay:weur:0", silent)).rejects.toThrow("did not answer");
  expect(made()).toBe(1);
  expect(await ask()).toBe(2);
});

it("makes one stub for a relay as long as it answers, and another for another relay", async () => {
  const { stubs, ask, made } = world();
  for (let times = 0; times < 3; times++) expect(await ask()).toBe(1);
  expect(await stubs.ask("relay:enam:0", async () => "other")).toBe("other");
  expect(made()).toBe(2);
});
