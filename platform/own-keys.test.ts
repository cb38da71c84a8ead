import { exportJWK, generateKeyPair } from "jose";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { AppError } from "./errors.ts";
import { lookupsBurst, OwnKeys, ownKeysFreshMs, PublicJwk, type PublishedKey } from "./own-keys.ts";

let jwk: PublicJwk;
let reads = 0;
let answer: () => Promise<PublishedKey[]>;

beforeAll(async () => {
  const { kty, crv, x, y } = await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey);
  jwk = PublicJwk.parse({ kty, crv, x, y });
});
beforeEach(() => {
  reads = 0;
  answer = async () => [key("edge.1")];
});

const key = (kid: string, untilMs = 10_000_000): PublishedKey => ({ kid, jwk, untilMs });
const down = (): Promise<never> => Promise.reject(new Error("D1 is down"));

function ownKeys(): OwnKeys {
  return new OwnKeys(() => {
    reads += 1;
    return answer();
  });
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    return (await work) === undefined ? "unknown" : "found";
  } catch (error) {
    return error instanceof AppError ? error.code : "threw";
  }
}

it("that were never read are an outage, not a bad token, and are asked for again soon", async () => {
  answer = down;
  const keys = ownKeys();
  expect([await outcome(keys.find("edge.1", 0)), await outcome(keys.find("edge.1", 2_999)), reads]).toEqual([
    "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_UNAVAILABLE",
    1,
  ]);
  answer = async () => [key("edge.1")];
  expect(await outcome(keys.find("edge.1", 3_000))).toBe("found");
});

it("are read a few times for any number of forged names, then once in three seconds", async () => {
  const keys = ownKeys();
  for (let n = 0; n < 50; n += 1) expect(await outcome(keys.find(`edge.forged-${n}`, n))).toBe("unknown");
  expect(reads).toBe(1 + lookupsBurst);
  for (let n = 0; n < 50; n += 1) await keys.find(`edge.forged-${n}`, 30 + 10 * 3_000 + n);
  expect(reads).toBe(1 + 2 * lookupsBurst);
});

it("that are new are found by their name at once, also right after a forged one", async () => {
  const keys = ownKeys();
  await keys.find("edge.1", 0);
  await keys.find("edge.forged", 1);
  answer = async () => [key("edge.1"), key("edge.2")];
  expect(await outcome(keys.find("edge.2", 2))).toBe("found");
});

it("that were taken back end within a minute, and at their own end at once", async () => {
  answer = async () => [key("edge.1", 5_000), key("edge.2")];
  const keys = ownKeys();
  expect([await outcome(keys.find("edge.1", 4_999)), await outcome(keys.find("edge.1", 5_000))]).toEqual(["found", "unknown"]);
  answer = async () => [];
  expect(await outcome(keys.find("edge.2", 4_998 + ownKeysFreshMs))).toBe("found");
  expect(await outcome(keys.find("edge.2", 4_999 + ownKeysFreshMs))).toBe("unknown");
});

it("that are due are read by one, while the others go on with those at hand", async () => {
  const keys = ownKeys();
  await keys.find("edge.1", 0);
  const found = await Promise.all(Array.from({ length: 20 }, (_, n) => outcome(keys.find("edge.1", ownKeysFreshMs + n))));
  expect([new Set(found), reads]).toEqual([new Set(["found"]), 2]);
});

it("stay in force while they cannot be read", async () => {
  const keys = ownKeys();
  await keys.find("edge.1", 0);
  answer = down;
  expect([await outcome(keys.find("edge.1", 9_990_000)), (await keys.list(9_990_001)).length, reads]).toEqual(["found", 1, 2]);
  expect([await outcome(keys.find("edge.1", 9_993_000)), reads]).toEqual(["found", 3]);
  expect(await keys.list(10_000_000)).toEqual([]);
});
