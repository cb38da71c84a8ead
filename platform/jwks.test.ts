import { exportJWK, generateKeyPair, type JWK } from "jose";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { AppError } from "./errors.ts";
import { KeySet } from "./jwks.ts";

const header = { alg: "ES256", kid: "k1" };
const minute = 60_000;
let jwk: JWK;
let asked = 0;
let answer: () => Promise<Response>;

beforeAll(async () => {
  jwk = { ...(await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey)), kid: "k1" };
});
beforeEach(() => {
  asked = 0;
  answer = async () => Response.json({ keys: [jwk] });
});

function keySet(): KeySet {
  return new KeySet("https://issuer.test/keys", () => {
    asked += 1;
    return answer();
  });
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "found";
  } catch (error) {
    return error instanceof AppError ? error.code : (error as Error).name;
  }
}

it.each<[string, () => Promise<Response>]>([
  ["is down", () => Promise.reject(new Error("down"))],
  ["answers an error", async () => new Response("{}", { status: 500 })],
  ["redirects", async () => Response.redirect("https://elsewhere.test/", 302)],
  ["answers no JSON", async () => new Response("<html>")],
  ["answers no key set", async () => Response.json({ keys: "k1" })],
  ["answers more keys than a set has", async () => Response.json({ keys: Array.from({ length: 101 }, () => jwk) })],
  ["answers without end", async () => new Response(new Blob([new Uint8Array(65_537)]).stream())],
])("an issuer that %s is an outage, not a bad token, and is not asked again at once", async (_, broken) => {
  answer = broken;
  const keys = keySet();
  expect(await outcome(keys.find(header, 0))).toBe("UPSTREAM_UNAVAILABLE");
  expect(await outcome(keys.find(header, 4_999))).toBe("UPSTREAM_UNAVAILABLE");
  expect(asked).toBe(1);
  answer = async () => Response.json({ keys: [jwk] });
  expect(await outcome(keys.find(header, 5_000))).toBe("found");
});

it("tokens with keys nobody published fetch at most every half minute", async () => {
  const keys = keySet();
  for (let n = 0; n < 50; n += 1) expect(await outcome(keys.find({ alg: "ES256", kid: `forged-${n}` }, n))).toBe("JWKSNoMatchingKey");
  expect(asked).toBe(1);
  answer = async () => Response.json({ keys: [{ ...jwk, kid: "k2" }] });
  expect(await outcome(keys.find({ alg: "ES256", kid: "k2" }, 30_000))).toBe("found");
  expect(asked).toBe(2);
});

it("keys are kept for ten minutes, then asked for again: one taken back is not trusted for long", async () => {
  const keys = keySet();
  await keys.find(header, 0);
  await keys.find(header, 10 * minute);
  expect(asked).toBe(1);
  answer = async () => Response.json({ keys: [] });
  expect(await outcome(keys.find(header, 11 * minute))).toBe("JWKSNoMatchingKey");
});

it("an issuer that goes down leaves its last keys valid for a day", async () => {
  const keys = keySet();
  await keys.find(header, 0);
  answer = () => Promise.reject(new Error("down"));
  expect(await outcome(keys.find(header, 24 * 60 * minute))).toBe("found");
  expect(await outcome(keys.find(header, 24 * 60 * minute + 1))).toBe("UPSTREAM_UNAVAILABLE");
});

it("requests that come before the first keys each wait for their own answer", async () => {
  const keys = keySet();
  expect(await Promise.all([outcome(keys.find(header, 0)), outcome(keys.find(header, 1))])).toEqual(["found", "found"]);
});
