import { expect, it } from "vitest";
import { Leases } from "./leases.ts";

it("gives out no more than there are, until one ends", () => {
  const leases = new Leases({ leasesMax: 2, idleMs: 10 });
  const first = leases.take(0);
  expect([first, leases.take(0), leases.take(5)].map((lease) => lease !== undefined)).toEqual([true, true, false]);
  first?.end();
  first?.end();
  expect([leases.take(5), leases.take(5)].map((lease) => lease !== undefined)).toEqual([true, false]);
});

it("takes a lease back from a stream that no longer moves, and counts it again when it does", () => {
  const leases = new Leases({ leasesMax: 1, idleMs: 10 });
  const silent = leases.take(0);
  silent?.renew(5);
  expect(leases.take(15)).toBeUndefined();
  const next = leases.take(16);
  expect(next).toBeDefined();
  silent?.renew(17);
  next?.end();
  expect(leases.take(18)).toBeUndefined();
});
