/** The owner's own edge failed like this (UPSTREAM 5); each is held here through the whole app. */
import { env } from "cloudflare:workers";
import { SignJWT, UnsecuredJWT } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import { signToken } from "../../tests/support/reading.ts";
import { bearer, emptySessionsDatabase, TokenEdge } from "../../tests/support/tokens.ts";
import { app } from "../app.ts";

beforeEach(emptySessionsDatabase);

async function read(headers: Record<string, string>): Promise<number> {
  const response = await app.request("/api/channels/executions/history", { headers }, env);
  await response.text();
  return response.status;
}

describe("a valid token is not refused for a key beside it", () => {
  it.each([
    ["an ingest key", env.INGEST_API_KEYS.split(",")[0] ?? ""],
    ["the key of Contabo", "contabo-api-key"],
    ["nothing", ""],
  ])("such as %s", async (_, key) => {
    expect(await read({ "x-api-key": key, ...bearer(await signToken({ sub: "u", role: "trader" })) })).toBe(200);
  });

  it("nor for the API client's key that minted it", async () => {
    const edge = new TokenEdge();
    const client = await edge.client({ role: "trader" });
    const { access } = await edge.minted({}, client);
    expect(await read({ ...client, ...bearer(access) })).toBe(200);
  });
});

describe("a secret is no token", () => {
  it.each([
    ["the JWT secret", env.JWT_SECRET],
    ["an ingest key", env.INGEST_API_KEYS.split(",")[0] ?? ""],
    ["the word admin", "admin"],
  ])("%s reads nothing, as bearer or as key", async (_, secret) => {
    expect([await read(bearer(secret)), await read({ "x-api-key": secret })]).toEqual([401, 401]);
  });

  it("an API client's key mints, and reads nothing by itself", async () => {
    const client = await new TokenEdge().client({ role: "admin" });
    expect([await read(client), await read(bearer(client["x-api-key"]))]).toEqual([401, 401]);
  });
});

describe("a signature counts", () => {
  it.each<[string, (token: string) => string]>([
    ["left out", (token) => token.replace(/[^.]+$/, "")],
    ["of another token", (token) => token.replace(/[^.]+$/, "A".repeat(43))],
    [
      "under other claims",
      (token) => token.replace(/\.[^.]+\./, `.${btoa('{"sub":"u","role":"admin","exp":9999999999}').replace(/=+$/, "")}.`),
    ],
  ])("%s", async (_, spoil) => {
    const token = await signToken({ sub: "u", role: "trader" });
    expect([await read(bearer(token)), await read(bearer(spoil(token)))]).toEqual([200, 401]);
  });

  it("one by another secret, and none at all", async () => {
    const claims = { sub: "u", role: "admin", iss: env.JWT_ISSUER, aud: env.JWT_AUDIENCE, exp: 9_999_999_999 };
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode("x".repeat(40)));
    expect([await read(bearer(forged)), await read(bearer(new UnsecuredJWT(claims).encode()))]).toEqual([401, 401]);
  });
});
