import { describe, expect, it, vi } from "vitest";
import { consume, done, park, retry, retryDelaySeconds } from "./consume.ts";
import type { ConsumeDeps, Outcome } from "./consume.ts";

function messageOf(body: unknown, attempts = 1) {
  return { body, attempts, ack: vi.fn<() => void>(), retry: vi.fn<(options?: QueueRetryOptions) => void>() };
}

function depsOf(overrides: Partial<ConsumeDeps<string>> = {}) {
  return {
    retryDelaySecondsMax: 15,
    parse: (body: unknown) => (typeof body === "string" ? body : { invalid: "not text" }),
    step: async (items: readonly string[]): Promise<readonly Outcome[]> => items.map(() => done),
    park: vi.fn(async () => undefined),
    resend: vi.fn(async () => undefined),
    report: vi.fn(),
    ...overrides,
  };
}

const outage = () => Promise.reject(new Error("D1 is down"));

it.each([
  [1, 2],
  [2, 4],
  [3, 8],
  [4, 15],
  [89, 15],
])("after attempt %i waits %i s and keeps the message", async (attempts, delaySeconds) => {
  const message = messageOf("a", attempts);
  await consume([message], depsOf({ step: outage }));
  expect(message.retry).toHaveBeenCalledExactlyOnceWith({ delaySeconds });
  expect(message.ack).not.toHaveBeenCalled();
});

it("never grows a delay past the queue's cap, whatever the attempts", () => {
  expect(retryDelaySeconds(5_000, 30)).toBe(30);
});

describe("an outage that outlasts the platform's attempts", () => {
  it("puts a copy in the message's place from attempt 90 on", async () => {
    const message = messageOf("a", 90);
    const deps = depsOf({ step: outage });
    await consume([message], deps);
    expect(deps.resend).toHaveBeenCalledExactlyOnceWith("a");
    expect(deps.park).not.toHaveBeenCalled();
    expect(message.ack).toHaveBeenCalledOnce();
    expect(message.retry).not.toHaveBeenCalled();
  });

  it("keeps the original when the copy cannot be sent", async () => {
    const message = messageOf("a", 97);
    await consume([message], depsOf({ step: outage, resend: outage }));
    expect(message.retry).toHaveBeenCalledOnce();
    expect(message.ack).not.toHaveBeenCalled();
  });
});

it("a message that cannot be read is parked whole while its neighbours keep their own outcomes, in order", async () => {
  const messages = [messageOf("fine"), messageOf({ odd: 1 }), messageOf("again"), messageOf("bad")];
  const parked = vi.fn(async (_body: unknown, _reason: string, _attempts: number) => undefined);
  const deps = depsOf({ step: async () => [done, retry("later"), park("poison")], park: parked });
  await consume(messages, deps);
  expect(messages.map(({ ack }) => ack.mock.calls.length)).toEqual([1, 1, 0, 1]);
  expect(messages.map((message) => message.retry.mock.calls.length)).toEqual([0, 0, 1, 0]);
  expect(parked.mock.calls).toEqual([
    [{ odd: 1 }, "not text", 1],
    ["bad", "poison", 1],
  ]);
  expect(deps.report).toHaveBeenCalledWith({ done: 1, retried: 1, parked: 2, resent: 0, reasons: ["not text", "later", "poison"] });
});

it("what cannot be parked is retried, not lost", async () => {
  const message = messageOf("bad");
  await consume([message], depsOf({ step: async () => [park("poison")], park: outage }));
  expect(message.retry).toHaveBeenCalledOnce();
  expect(message.ack).not.toHaveBeenCalled();
});

it("an item the step forgot is retried", async () => {
  const messages = [messageOf("a"), messageOf("b")];
  await consume(messages, depsOf({ step: async () => [done] }));
  expect(messages.map(({ ack }) => ack.mock.calls.length)).toEqual([1, 0]);
});

it("does not run the step on a batch in which nothing can be read", async () => {
  const step = vi.fn(outage);
  await consume([messageOf(7)], depsOf({ step }));
  expect(step).not.toHaveBeenCalled();
});
