/** JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL each change who may read. */
import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, expect, it, vi } from "vitest";
import { client } from "../../tests/support/reading.ts";
import { channelRoutes } from "../routes/channels.ts";

afterEach(() => vi.restoreAllMocks());

async function statusOf(token: string, variables: Record<string, string> = {}): Promise<number> {
  return (await client(channelRoutes())("/api/channels/executions/history", { token, variables })).status;
}

function draft(issuer: string, alg: string): SignJWT {
  return new SignJWT({ userId: "u", role: "TRADER", permissions: [] })
    .setProtectedHeader({ alg, kid: "k" })
    .setIssuer(issuer)
    .setAudience("arbitragex-api")
    .setExpirationTime("5m");
}

it("takes a token of the owner's backend once its issuer and audience are among ours", async () => {
  const token = await draft("arbitragex-pro", "HS256").sign(new TextEncoder().encode(env.JWT_SECRET));
  const issuer = { JWT_ISSUER: "arbitragex-edge,arbitragex-pro" };
  const audience = { JWT_AUDIENCE: "arbitragex-edge,arbitragex-api" };
  expect([await statusOf(token), await statusOf(token, issuer), await statusOf(token, audience)]).toEqual([401, 401, 401]);
  expect(await statusOf(token, { ...issuer, ...audience })).toBe(200);
});

it("takes a token signed with a published key where JWT_JWKS_URL says so, and answers 503 while the keys are out of reach", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const token = await draft("arbitragex-supreme", "ES256").sign(privateKey);
  const ours = { JWT_ISSUER: "arbitragex-supreme", JWT_AUDIENCE: "arbitragex-api" };
  expect(await statusOf(token, ours)).toBe(401);
  const keys = [{ ...(await exportJWK(publicKey)), kid: "k", alg: "ES256" }];
  const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ keys }));
  expect(await statusOf(token, { ...ours, JWT_JWKS_URL: "https://issuer.test/jwks" })).toBe(200);
  expect(String(fetched.mock.calls[0]?.[0])).toBe("https://issuer.test/jwks");
  fetched.mockRejectedValue(new Error("down"));
  expect(await statusOf(token, { ...ours, JWT_JWKS_URL: "https://issuer.test/down" })).toBe(503);
});
