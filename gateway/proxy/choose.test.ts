import { expect, it } from "vitest";
import type { BreakerState } from "./breaker.ts";
import { choose } from "./choose.ts";
import type { Candidate, Tried } from "./choose.ts";

const at = (state: BreakerState, tried?: Tried): Candidate => ({ state, tried });

it.each<[string, Candidate[], boolean, number | undefined]>([
  ["nobody where there is nobody", [], true, undefined],
  ["nobody who is open or being asked", [at("open"), at("probing")], true, undefined],
  ["the preferred of two that work", [at("closed"), at("closed")], true, 0],
  ["the second when the first is ill", [at("open"), at("closed")], true, 1],
  ["the second that works before the first that is only due", [at("ready"), at("closed")], true, 1],
  ["the one that is due when none works", [at("open"), at("ready")], true, 1],
  ["nobody that is only due for what may not find out", [at("open"), at("ready")], false, undefined],
  ["another before the same again", [at("closed", "again"), at("closed")], true, 1],
  ["one that is due before the same again", [at("closed", "again"), at("ready")], true, 1],
  ["the same again when there is no other", [at("closed", "again"), at("closed", "never")], true, 0],
  ["not the same again once it opened", [at("open", "again")], true, undefined],
  ["not who was too slow", [at("closed", "never")], true, undefined],
])("chooses %s", (_, candidates, mayProbe, index) => {
  expect(choose(candidates, mayProbe)).toBe(index);
});
