import { expect, it } from "vitest";
import { openPrivateKey, sealPrivateKey } from "./signing-keys-box.ts";

const secret = "a-secret-of-at-least-thirty-two-characters";
const another = "another-secret-of-at-least-thirty-two-chars";

it("a private half opens under the secret that sealed it and its own name only", async () => {
  const box = await sealPrivateKey("private", { kid: "edge.1", secret });
  expect(box).not.toContain("private");
  expect(await openPrivateKey(box, { kid: "edge.1", secrets: [another] })).toBeUndefined();
  expect(await openPrivateKey(box, { kid: "edge.2", secrets: [secret] })).toBeUndefined();
  expect(await openPrivateKey(`${box.slice(0, -2)}AA`, { kid: "edge.1", secrets: [secret] })).toBeUndefined();
  expect(await openPrivateKey(box.replace(/^1/, "2"), { kid: "edge.1", secrets: [secret] })).toBeUndefined();
  expect(await openPrivateKey("", { kid: "edge.1", secrets: [secret] })).toBeUndefined();
  expect(await openPrivateKey(box, { kid: "edge.1", secrets: [another, secret] })).toBe("private");
});

it("sealed twice are two texts: nobody sees that a key is the same", async () => {
  const seal = (): Promise<string> => sealPrivateKey("private", { kid: "edge.1", secret });
  expect(await seal()).not.toBe(await seal());
});
