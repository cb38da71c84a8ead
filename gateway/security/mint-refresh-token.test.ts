import { describe, expect, it } from "vitest";
import { readRefreshToken, refreshToken } from "./mint-refresh-token.ts";

const secret = "a-secret-of-at-least-thirty-two-characters";
const claim = { sessionId: "AAAAAAAAAAAAAAAAAAAAAA", generation: 7 };
const token = refreshToken(claim, secret);

describe("a refresh token", () => {
  it.each<[string, string]>([
    ["nothing", ""],
    ["a secret", secret],
    ["another session", token.replace("AAAA", "AAAB")],
    ["another number", token.replace(".7.", ".8.")],
    ["a number written otherwise", token.replace(".7.", ".07.")],
    ["a seal cut short", token.slice(0, -1)],
    ["another seal", `${token.slice(0, -4)}AAAA`],
    ["something behind it", `${token} `],
    ["a line break", `${token}\n`],
    ["a longer number", token.replace(".7.", ".999999999.")],
  ])("with %s is not one of ours", (_, text) => {
    expect(readRefreshToken(text, [secret])).toBeUndefined();
  });

  it("is one of ours under the secret that sealed it, now or before, and no other", () => {
    const another = "another-secret-of-at-least-thirty-two-chars";
    expect(readRefreshToken(token, [another])).toBeUndefined();
    expect([readRefreshToken(token, [secret]), readRefreshToken(token, [another, secret])]).toEqual([claim, claim]);
  });

  it("is the same text for the same number of the same session", () => {
    expect(refreshToken(claim, secret)).toBe(token);
    expect(new Set([token, refreshToken({ ...claim, generation: 8 }, secret)]).size).toBe(2);
  });
});
