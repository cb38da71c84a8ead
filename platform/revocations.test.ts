import { expect, it } from "vitest";
import type { Revocation } from "../schemas/revocation.ts";
import type { Claims } from "./claims.ts";
import { isRevokedBy, Revocations } from "./revocations.ts";

const claims: Claims = { sub: "u1", role: "trader", channels: undefined, exp: 2_000, iat: 1_000, jti: "t1" };
const entry = (over: Partial<Revocation> = {}): Revocation => ({
  kind: "sub",
  value: "u1",
  revokedMs: 1_000_000,
  untilMs: 9_000_000,
  ...over,
});

it.each<[string, Partial<Revocation>, Partial<Claims>, boolean]>([
  ["a user's tokens from before", {}, {}, true],
  ["a user's token of the same second", { revokedMs: 1_000_999 }, {}, true],
  ["a user's token that does not say when it was issued", {}, { iat: undefined }, true],
  ["a user's new token", {}, { iat: 1_001 }, false],
  ["another user's tokens", {}, { sub: "u10" }, false],
  ["a token without a user", {}, { sub: undefined }, false],
  ["the token of this name, whenever it was issued", { kind: "jti", value: "t1" }, { iat: 5_000 }, true],
  ["a token with another name", { kind: "jti", value: "t1" }, { jti: "t2" }, false],
  ["a token whose name is the user's", { kind: "jti", value: "u1" }, {}, false],
  ["nothing once it is over", { untilMs: 1_500_000 }, {}, false],
])("a revocation covers %s", (_, revocation, over, expected) => {
  expect(isRevokedBy(entry(revocation), { ...claims, ...over }, 1_500_000)).toBe(expected);
});

it("the list is read once in three seconds, whatever is asked, and not at all for a token nobody could revoke", async () => {
  let reads = 0;
  const revocations = new Revocations(async () => ((reads += 1), [entry()]));
  expect(await revocations.covers({ ...claims, sub: undefined, jti: undefined }, 1_500_000)).toBe(false);
  expect(reads).toBe(0);
  for (let ms = 0; ms < 3_000; ms += 100) expect(await revocations.covers(claims, 1_500_000 + ms)).toBe(true);
  expect(reads).toBe(1);
  await revocations.covers(claims, 1_503_000);
  expect(reads).toBe(2);
});

it("a revocation that was told counts at once, and stays until the list has it", async () => {
  let list: readonly Revocation[] = [];
  const revocations = new Revocations(async () => list);
  expect(await revocations.covers(claims, 1_500_000)).toBe(false);
  revocations.add(entry({ revokedMs: 1_502_000 }));
  expect(revocations.isKnownFor(claims, 1_502_000)).toBe(true);
  // A read that began before the entry was written does not take it back.
  expect(await revocations.covers(claims, 1_503_500)).toBe(true);
  list = [entry({ revokedMs: 1_502_000 })];
  expect(await revocations.covers(claims, 1_507_000)).toBe(true);
  list = [];
  expect(await revocations.covers(claims, 1_511_000)).toBe(false);
});

it("only what was revoked in the last ten minutes makes a holder of accepted tokens look at them again", async () => {
  const revocations = new Revocations(async () => [entry({ revokedMs: 1_000_000 })]);
  expect(await revocations.hasRecent(1_599_999)).toBe(true);
  expect(await revocations.hasRecent(1_600_000)).toBe(false);
});

it("while the list can't be read the last one counts, and a store that was never read refuses nobody", async () => {
  let read: () => Promise<readonly Revocation[]> = () => Promise.reject(new Error("down"));
  const revocations = new Revocations(() => read());
  expect(await revocations.covers(claims, 1_500_000)).toBe(false);
  read = async () => [entry()];
  expect(await revocations.covers(claims, 1_503_000)).toBe(true);
  read = () => Promise.reject(new Error("down"));
  expect(await revocations.covers(claims, 1_506_000)).toBe(true);
});
