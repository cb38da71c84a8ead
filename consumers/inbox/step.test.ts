import { describe, expect, it } from "vitest";
import type { EdgeEvent } from "../../schemas/event.ts";
import { requestBytesMax } from "../../schemas/limits.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import { renderEvent } from "../../schemas/render.ts";
import type { PublishReply, PublishRequest } from "../../schemas/rpc.ts";
import { execution, opportunity } from "../../tests/support/placed.ts";
import { inboxStep } from "./step.ts";
import type { InboxDeps } from "./step.ts";

const now = Date.UTC(2026, 10, 24, 12);
const later: PublishReply = { v: 1, kind: "later", retryAfterMs: 60_000 };

function message(...events: readonly (EdgeEvent | string)[]): PackedMessage {
  return { kind: "inbox", lines: events.map((event) => (typeof event === "string" ? event : renderEvent(event))) };
}

/** A channel that gives these answers in turn, then accepts. */
function harness(answers: (PublishReply | Error)[] = []) {
  const requests: PublishRequest[] = [];
  const letters: [line: string, reason: string][] = [];
  const sleeps: number[] = [];
  const deps: InboxDeps = {
    async publish(request) {
      requests.push(request);
      const answer = answers.shift() ?? { v: 1, kind: "ok", epoch: "e1", offsets: [], duplicates: [] };
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async park(line, reason) {
      letters.push([line, reason]);
    },
    async sleep(ms) {
      sleeps.push(ms);
    },
  };
  return { deps, requests, letters, sleeps };
}

it("publishes what several messages hold in one bulk call per stream, in order, as the wire text they came with", async () => {
  const { deps, requests } = harness();
  const events = [opportunity("a", { timeMs: now }), execution("x", { timeMs: now }), opportunity("b", { timeMs: now })];
  const outcomes = await inboxStep([message(...events.slice(0, 2)), message(...events.slice(2))], deps);
  expect(outcomes).toEqual([{ kind: "done" }, { kind: "done" }]);
  expect(requests.map(({ lane, stream, events: sent }) => [lane, stream, sent.length])).toEqual([
    ["bulk", "opportunities", 2],
    ["bulk", "executions", 1],
  ]);
  expect(requests[0]?.events.map(({ text }) => text)).toEqual([events[0], events[2]].map((event) => event && renderEvent(event)));
});

it("keeps calls within a thousand events and a mebibyte, one after the other", async () => {
  const { deps, requests } = harness();
  const small = Array.from({ length: 1_200 }, (_, index) => opportunity(`s-${index}`, { timeMs: now }));
  const wide = Array.from({ length: 30 }, (_, index) => opportunity(`w-${index}`, { timeMs: now, data: { padding: "x".repeat(50_000) } }));
  await inboxStep([message(...small), message(...wide)], deps);
  expect(requests[0]?.events).toHaveLength(1_000);
  expect(requests.reduce((sum, { events }) => sum + events.length, 0)).toBe(1_230);
  for (const { events } of requests) expect(events.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(requestBytesMax);
});

describe("a channel that cannot take it now", () => {
  it("asking to come later is waited for in place, five seconds at most", async () => {
    const { deps, sleeps, requests } = harness([later, later]);
    expect(await inboxStep([message(opportunity("a", { timeMs: now }))], deps)).toEqual([{ kind: "done" }]);
    expect(sleeps).toEqual([5_000, 5_000]);
    expect(requests).toHaveLength(3);
  });

  it.each([
    ["later for the third time", [later, later, later], 3],
    ["full", [{ v: 1, kind: "full", retryAfterMs: 1_000 } satisfies PublishReply], 1],
    ["silent", [new Error("channel opportunities did not answer within 10000 ms")], 1],
  ] as const)("%s: the message is retried, and no further call is made meanwhile", async (_, answers, calls) => {
    const { deps, requests } = harness([...answers]);
    const many = Array.from({ length: 1_500 }, (_unused, index) => opportunity(`s-${index}`, { timeMs: now }));
    expect((await inboxStep([message(...many)], deps)).map(({ kind }) => kind)).toEqual(["retry"]);
    expect(requests).toHaveLength(calls);
  });

  it("only the messages with unpublished events come again", async () => {
    const { deps } = harness([new Error("silent")]);
    const outcomes = await inboxStep([message(opportunity("a", { timeMs: now })), message(execution("x", { timeMs: now }))], deps);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["retry", "done"]);
  });
});

describe("lines that are no events", () => {
  it("are parked alone, their neighbours published", async () => {
    const { deps, letters, requests } = harness();
    const unknown = JSON.stringify({
      specversion: "1.0",
      id: "1",
      source: "s",
      type: "price.moved",
      time: "2026-11-24T00:00:00Z",
      data: {},
    });
    expect(await inboxStep([message("{oops", opportunity("a", { timeMs: now }), unknown)], deps)).toEqual([{ kind: "done" }]);
    expect(letters.map(([line, reason]) => [line, reason.slice(0, 20)])).toEqual([
      ["{oops", "not JSON: Expected p"],
      [unknown, "not an event: type u"],
    ]);
    expect(requests[0]?.events).toHaveLength(1);
  });

  it("that cannot be parked bring their message back", async () => {
    const { deps } = harness();
    const failing: InboxDeps = { ...deps, park: () => Promise.reject(new Error("R2 is down")) };
    expect(await inboxStep([message("{oops")], failing)).toEqual([{ kind: "retry", reason: "R2 is down" }]);
  });
});

it("a positions message that strayed here is parked whole", async () => {
  const { deps } = harness();
  expect((await inboxStep([{ kind: "positions", stream: "market", epoch: "e1", rows: [] }], deps)).map(({ kind }) => kind)).toEqual([
    "park",
  ]);
});
