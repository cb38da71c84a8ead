/** The isolate's own counters of clients: shared by what refuses requests and by what shows operators who is refused. */
import { networksMax } from "../../../schemas/limits-requests.ts";
import { Matches } from "../firewall/matches.ts";
import { PenaltyBox } from "../penalty.ts";
import { Ceilings } from "./ceilings.ts";

export interface Counters {
  readonly box: PenaltyBox;
  readonly ceilings: Ceilings;
  readonly matches: Matches;
}

export function newCounters(): Counters {
  return { box: new PenaltyBox(networksMax), ceilings: new Ceilings(), matches: new Matches() };
}

/** Of this isolate. */
export const counters = newCounters();
