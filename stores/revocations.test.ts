import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { revocationsMax, type Revocation } from "../schemas/revocation.ts";
import { putRevocation, readRevocations } from "./revocations.ts";

const entry = (value: string, over: Partial<Revocation> = {}): Revocation => ({
  kind: "jti",
  value,
  revokedMs: 1_000,
  untilMs: 9_000,
  ...over,
});

beforeEach(() => env.SESSIONS_DB.prepare("DELETE FROM revocations").run());

it("refuses one more than may be live, drops those that are over, and still takes one it has", async () => {
  const rows = `INSERT INTO revocations SELECT 'jti', value, 1, 9000 FROM json_each(?)`;
  const names = Array.from({ length: revocationsMax - 1 }, (_, n) => `t${n}`);
  await env.SESSIONS_DB.prepare(rows).bind(JSON.stringify(names)).run();
  expect(await putRevocation(env, entry("over", { untilMs: 5_000 }), 1_000)).toBe(true);
  expect(await putRevocation(env, entry("more"), 2_000)).toBe(false);
  expect(await putRevocation(env, entry("t7"), 2_000)).toBe(true);
  expect(await putRevocation(env, entry("more"), 5_000)).toBe(true);
  expect((await readRevocations(env, 5_000)).length).toBe(revocationsMax);
});

it("gives back what was stored until it is over, a jti and a sub of one name apart", async () => {
  const both = [entry("x"), entry("x", { kind: "sub", untilMs: 2_000 })];
  for (const revocation of both) await putRevocation(env, revocation, 1_000);
  expect(await readRevocations(env, 1_999)).toEqual(expect.arrayContaining(both));
  expect(await readRevocations(env, 2_000)).toEqual([entry("x")]);
});

it("stored twice is one entry with the later times", async () => {
  await putRevocation(env, entry("u", { kind: "sub", revokedMs: 3_000, untilMs: 8_000 }), 1_000);
  await putRevocation(env, entry("u", { kind: "sub", revokedMs: 2_000, untilMs: 9_000 }), 1_000);
  expect(await readRevocations(env, 1_000)).toEqual([entry("u", { kind: "sub", revokedMs: 3_000, untilMs: 9_000 })]);
});
