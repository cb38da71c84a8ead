import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { refusal, requireOperator } from "./access.ts";
import { readerOf } from "./reader.ts";
import type { Reader } from "./reader.ts";

const rules = { opsKey: "ops", jwt: { secret: "a-secret-of-at-least-thirty-two-characters", issuer: "edge", audience: "edge" } };
const nowMs = 1_000_000_000_000;

function sign(claims: Record<string, unknown>, options: { secret?: string; expiresInSeconds?: number } = {}): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("edge")
    .setAudience("edge")
    .setExpirationTime(nowMs / 1_000 + (options.expiresInSeconds ?? 60))
    .sign(new TextEncoder().encode(options.secret ?? rules.jwt.secret));
}

const read = (headers: Record<string, string>): Promise<Reader> => readerOf(new Headers(headers), rules, nowMs);

describe("credentials", () => {
  it.each<[string, () => Promise<Record<string, string>>, string]>([
    ["an expired token", async () => ({ authorization: `Bearer ${await sign({}, { expiresInSeconds: -1 })}` }), "the token has expired"],
    [
      "a token signed with another secret",
      async () => ({ authorization: `Bearer ${await sign({}, { secret: "x".repeat(40) })}` }),
      "the token is not valid",
    ],
    ["the JWT secret itself", async () => ({ authorization: `Bearer ${rules.jwt.secret}` }), "the token is not valid"],
    ["another scheme", async () => ({ authorization: "Basic b3Bz" }), "Authorization must be: Bearer <token>"],
    ["a bearer without a token", async () => ({ authorization: "Bearer " }), "Authorization must be: Bearer <token>"],
    ["an unknown API key", async () => ({ "x-api-key": "opsx" }), "this API key may not read"],
  ])("%s is refused and told why", async (_, headers, message) => {
    await expect(read(await headers())).rejects.toMatchObject({ code: "UNAUTHORIZED", message });
  });

  it("without any, the reader is anonymous", async () => {
    expect(await read({})).toEqual({ kind: "anonymous" });
  });

  it.each<[Record<string, string>]>([[{ "x-api-key": "ops" }], [{ authorization: "Bearer ops" }], [{ authorization: "bearer ops" }]])(
    "the operator's key is known as %o",
    async (headers) => {
      expect(await read(headers)).toEqual({ kind: "operator" });
    },
  );

  it("a key of another purpose beside a valid token does not void it", async () => {
    const reader = await read({ authorization: `Bearer ${await sign({ sub: "u1", role: "trader" })}`, "x-api-key": "contabo" });
    expect(reader).toMatchObject({ kind: "client", claims: { sub: "u1", role: "trader" } });
  });
});

describe("the operator's routes", () => {
  const client = (role: string | undefined): Reader => ({ kind: "client", claims: { sub: "u", role, channels: undefined, exp: 1 } });
  const codeOf = (reader: Reader): string => {
    try {
      requireOperator(reader);
      return "open";
    } catch (error) {
      return error instanceof AppError ? error.code : "threw";
    }
  };

  it.each<[string, Reader, string]>([
    ["nobody", { kind: "anonymous" }, "UNAUTHORIZED"],
    ["a trader", client("trader"), "FORBIDDEN"],
    ["a token without a role", client(undefined), "FORBIDDEN"],
    ["an ADMIN in capitals", client("ADMIN"), "open"],
    ["an operator", client("operator"), "open"],
    ["the key", { kind: "operator" }, "open"],
  ])("answer %s: %s", (_, reader, expected) => {
    expect(codeOf(reader)).toBe(expected);
  });

  it("tell a stranger that a token is needed, and a client that its token is not enough", () => {
    expect([refusal({ kind: "anonymous" }, "x").status, refusal(client("user"), "x").status]).toEqual([401, 403]);
  });
});
