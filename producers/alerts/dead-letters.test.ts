import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { putDeadLetter } from "../../stores/dead-letters.ts";
import worker from "../../worker.ts";
import { alertEveryMs, deadLetterAlert } from "./dead-letters.ts";

const hour = Date.UTC(2026, 10, 24, 12);
const minutes = (count: number): number => count * 60_000;

describe("when operators are told", () => {
  it("nobody is told of nothing", () => {
    expect(deadLetterAlert({ count: 0 }, hour)).toBeUndefined();
  });

  it("at once of new letters, then each hour as long as one is left", () => {
    const waiting = { count: 2, oldestMs: hour - minutes(30), newestMs: hour - minutes(5) };
    const told = [0, 10, 20, 30, 40, 50, 60].filter((after) => deadLetterAlert(waiting, hour + minutes(after)) !== undefined);
    expect(told).toEqual([0, 60]);
    expect(deadLetterAlert({ ...waiting, newestMs: hour + minutes(22) }, hour + minutes(30))).toBeDefined();
  });

  it("once for a cron that runs twice", () => {
    const waiting = { count: 1, oldestMs: hour, newestMs: hour };
    const [first, second] = [deadLetterAlert(waiting, hour), deadLetterAlert(waiting, hour + alertEveryMs - 1)];
    expect(first?.["id"]).toBe(second?.["id"]);
  });
});

it("puts the alert on its channel by the cron, and the count with it", async () => {
  await putDeadLetter(env, { queue: "inbox", reason: "odd", body: "odd" }, Date.now());
  await worker.scheduled(createScheduledController({ cron: "*/10 * * * *", scheduledTime: new Date() }), env);
  const { rows } = await channelStub(env, "alerts").history({ v: 1, stream: "alerts", since: 0, limit: 10 });
  expect(rows.map(({ lines }) => lines).join("\n")).toMatch(/"message":"1 dead letter waits.*"category":"dead_letters"/);
});
