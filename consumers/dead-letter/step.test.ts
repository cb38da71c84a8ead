import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { packPositions } from "../../schemas/pack.ts";
import type { AppliedRequest } from "../../schemas/rpc.ts";
import { putDeadLetter } from "../../stores/dead-letters.ts";
import type { LetterPositions } from "../../stores/dead-letters.ts";
import { opportunity, rowOfEvents } from "../../tests/support/placed.ts";
import { stepName } from "../index.ts";
import { deadLetterStep } from "./step.ts";
import type { DeadLetterDeps } from "./step.ts";

const now = Date.UTC(2026, 10, 24, 12);

function harness(overrides: Partial<DeadLetterDeps> = {}) {
  const marks: AppliedRequest[] = [];
  const letters: [unknown, LetterPositions | undefined][] = [];
  const deps: DeadLetterDeps = {
    park: async (body, positions) => letters.push([body, positions]),
    applied: async (request) => {
      marks.push(request);
    },
    ...overrides,
  };
  return { deps, marks, letters };
}

function packed(sink?: string): string {
  const row = rowOfEvents(7, now, [opportunity("a", { timeMs: now }), opportunity("b", { timeMs: now })]);
  const [message] = packPositions({ stream: "opportunities", epoch: "e1", sink }, [row]);
  if (message === undefined) throw new Error("nothing packed");
  return message.body;
}

it("a hot-cache message is kept with its positions, and these are settled as incomplete so that no snapshot waits for them", async () => {
  const { deps, marks, letters } = harness();
  const body = packed("hot-cache");
  expect(await deadLetterStep([body], deps)).toEqual([{ kind: "done" }]);
  expect(letters).toEqual([[body, { stream: "opportunities", epoch: "e1", first: 7, last: 8 }]]);
  expect(marks).toEqual([{ v: 1, stream: "opportunities", epoch: "e1", ranges: [], incomplete: [[7, 8]] }]);
});

it.each([["event-log"], [undefined]])("a message for %s says nothing of D1: kept, not settled", async (sink) => {
  const { deps, marks, letters } = harness();
  expect(await deadLetterStep([packed(sink)], deps)).toEqual([{ kind: "done" }]);
  expect(letters).toHaveLength(1);
  expect(marks).toEqual([]);
});

it("what cannot be read at all is kept as it came", async () => {
  const { deps, letters } = harness();
  expect(await deadLetterStep([{ odd: true }, "no header"], deps)).toEqual([{ kind: "done" }, { kind: "done" }]);
  expect(letters).toEqual([
    [{ odd: true }, undefined],
    ["no header", undefined],
  ]);
});

it.each([
  ["the store", { park: () => Promise.reject(new Error("down")) }],
  ["the channel", { applied: () => Promise.reject(new Error("down")) }],
])("a failure of %s brings the letter back, alone", async (_, failing) => {
  const { deps } = harness(failing);
  const outcomes = await deadLetterStep([packed("hot-cache")], deps);
  expect(outcomes).toEqual([{ kind: "retry", reason: "down" }]);
});

it("the same letter parked twice is one object and one row, the first time kept", async () => {
  const letter = {
    queue: "hot-cache",
    reason: "poison",
    body: packed("hot-cache"),
    positions: { stream: "opportunities", epoch: "e1", first: 7, last: 8 },
  };
  const object = await putDeadLetter(env, letter, now);
  expect(await putDeadLetter(env, letter, now + 60_000)).toBe(object);
  expect((await env.EDGE_LOGS.list({ prefix: "dead-letters/" })).objects).toHaveLength(1);
  const stored = await env.EDGE_LOGS.get(object);
  expect(await stored?.json()).toEqual({ v: 1, queue: "hot-cache", reason: "poison", body: letter.body });
  const rows = await env.METRICS_DB.prepare("SELECT queue, reason, parked_ms, object, stream, first, last FROM dead_letters").all();
  expect(rows.results).toEqual([
    { queue: "hot-cache", reason: "poison", parked_ms: now, object, stream: "opportunities", first: 7, last: 8 },
  ]);
});

it("takes the queues of every environment for what they are, and no other", () => {
  expect(["arbitragex-hot-cache", "arbitragex-hot-cache-staging", "arbitragex-dead-letter-staging"].map(stepName)).toEqual([
    "hot-cache",
    "hot-cache",
    "dead-letter",
  ]);
  expect(["hot-cache", "arbitragex-other", "arbitragex-hot-cache-staging-2", "x-arbitragex-inbox"].map(stepName)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
