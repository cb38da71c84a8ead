import { describe, expect, it } from "vitest";
import { rulesFreshMs, RuntimeRules } from "./runtime-config.ts";
import type { Rules } from "./runtime-config.ts";

const everywhere = { allow: [], deny: [] };

function published(config: unknown, over: object = {}): string {
  return JSON.stringify({ v: 1, version: 1, at_ms: 1, config, bans: [], ...over });
}

/** What KV answers with, in order; the last one again and again. */
function rulesFrom(...answers: (string | null | Error | Promise<string>)[]): { rules: RuntimeRules; reads(): number } {
  let reads = 0;
  const read = async (): Promise<string | null> => {
    const answer = answers[Math.min(reads, answers.length - 1)] ?? null;
    reads += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { rules: new RuntimeRules(read, everywhere), reads: () => reads };
}

const attacked = published({ v: 1, under_attack: true });

/** The rules after a renewal has come to its end. */
async function later(rules: RuntimeRules, nowMs: number): Promise<Rules> {
  const renewals: Promise<void>[] = [];
  await rules.now(nowMs, (work) => void renewals.push(work));
  await Promise.all(renewals);
  return await rules.now(nowMs);
}

describe("the first request of an isolate", () => {
  it("waits for the rules, and so do those that come with it", async () => {
    const held = Promise.withResolvers<string>();
    const { rules } = rulesFrom(held.promise);
    const both = [rules.now(1_000), rules.now(1_000)];
    expect(both.every((answer) => answer instanceof Promise)).toBe(true);
    held.resolve(attacked);
    expect((await Promise.all(both)).map(({ config }) => config.under_attack)).toEqual([true, true]);
    expect(rules.now(1_001)).not.toBeInstanceOf(Promise);
  });

  it.each<[string, null | Error | string]>([
    ["nothing was ever set", null],
    ["KV is down", new Error("down")],
    ["what it says is no JSON", "{"],
    ["what it says is of another format", JSON.stringify({ v: 2 })],
  ])("goes on with the defaults where %s", async (_, answer) => {
    const { rules } = rulesFrom(answer);
    const { version, config } = await rules.now(1_000);
    expect([version, config.under_attack, config.penalties.threshold]).toEqual([0, false, 100]);
  });
});

describe("later requests", () => {
  it("wait for nothing: one of them renews behind its own back", async () => {
    const { rules, reads } = rulesFrom(published({ v: 1 }), published({ v: 1, under_attack: true }, { version: 2, at_ms: 2 }));
    await rules.now(1_000);
    const at = 1_000 + rulesFreshMs;
    expect([rules.now(at - 1), rules.now(at), rules.now(at)].some((answer) => answer instanceof Promise)).toBe(false);
    expect(reads()).toBe(2);
    expect((await later(rules, at + rulesFreshMs)).config.under_attack).toBe(true);
  });

  it("keep the last rules while KV is down, and ask again soon", async () => {
    const { rules, reads } = rulesFrom(attacked, new Error("down"));
    await rules.now(1_000);
    const at = 1_000 + rulesFreshMs;
    expect((await later(rules, at)).config.under_attack).toBe(true);
    await later(rules, at + 3_000);
    expect(reads()).toBe(3);
  });

  it("keep the last readable configuration, and take the bans beside an unreadable one", async () => {
    const bans = [{ network: "192.0.2.1/32", until_ms: 9e15 }];
    const { rules } = rulesFrom(attacked, published({ v: 2, surprises: true }, { version: 2, at_ms: 2, bans }));
    await rules.now(1_000);
    const now = await later(rules, 1_000 + rulesFreshMs);
    expect([now.version, now.config.under_attack, now.bans("192.0.2.1", "192.0.2.1", 1) > 0]).toEqual([2, true, true]);
  });

  it("take what a later version adds for what it is to this one", async () => {
    const { rules } = rulesFrom(published({ v: 1, under_attack: true, captchas: { everywhere: true } }));
    expect((await rules.now(1_000)).config.under_attack).toBe(true);
  });

  it("do not fall back behind what this isolate was told, while KV still says the old", async () => {
    const { rules } = rulesFrom(published({ v: 1 }));
    await rules.now(1_000);
    rules.told({ v: 1, version: 2, at_ms: 5, config: { v: 1, under_attack: true }, bans: [] }, 2_000);
    expect((await later(rules, 2_000 + rulesFreshMs)).config.under_attack).toBe(true);
  });

  it("compile nothing anew while nothing has changed", async () => {
    const { rules } = rulesFrom(attacked);
    const { firewall } = await rules.now(1_000);
    expect((await later(rules, 1_000 + rulesFreshMs)).firewall).toBe(firewall);
  });
});
