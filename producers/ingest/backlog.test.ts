import { expect, it } from "vitest";
import {
  backlogBytesMax,
  backlogBytesSlow,
  backlogFreshMs,
  backlogMessagesMax,
  backlogMessagesSlow,
  parkDelayMsMax,
} from "../../schemas/limits.ts";
import { Backlog, parkingFor, type BacklogDeps, type InboxBacklog } from "./backlog.ts";

const messages = (backlogCount: number): InboxBacklog => ({ backlogCount, backlogBytes: 0 });
const bytes = (backlogBytes: number): InboxBacklog => ({ backlogCount: 1, backlogBytes });

it.each([
  [messages(backlogMessagesMax), "full"],
  [bytes(backlogBytesMax), "full"],
  [messages(backlogMessagesMax - 1), "slow"],
  [bytes(backlogBytesMax - 1), "slow"],
  [messages(backlogMessagesSlow), "slow"],
  [bytes(backlogBytesSlow), "slow"],
  [messages(backlogMessagesSlow - 1), "open"],
  [bytes(backlogBytesSlow - 1), "open"],
  [messages(0), "open"],
])("with %o waiting, parking is %s", (backlog, kind) => {
  expect(parkingFor(backlog).kind).toBe(kind);
});

it("slows down the more the more waits, from a tenth of a second's part to the whole", () => {
  const delays = [1, 1.5, 2, 4, 40].map((factor) => parkingFor(messages(backlogMessagesSlow * factor)));
  const values = delays.map((parking) => (parking.kind === "slow" ? parking.delayMs : -1));
  expect(values).toEqual([...values].sort((a, b) => a - b));
  expect(values[0]).toBeGreaterThan(0);
  expect(values.at(-1)).toBe(parkDelayMsMax);
});

function queue(answers: (InboxBacklog | Error)[]): BacklogDeps & { asked: number; clockMs: number; reports: string[] } {
  return {
    asked: 0,
    clockMs: 5_000,
    reports: [],
    async ask() {
      this.asked += 1;
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("down");
      return answer;
    },
    nowMs() {
      return this.clockMs;
    },
    report(event) {
      this.reports.push(event);
    },
  };
}

it("parks on when the queue does not say how full it is, and reports it", async () => {
  const deps = queue([]);
  expect(await new Backlog().parking(deps)).toEqual({ kind: "open" });
  expect(deps.reports).toEqual(["ingest.backlog.unknown"]);
});

it("goes by what the queue said last while it says nothing", async () => {
  const deps = queue([messages(backlogMessagesMax), new Error("down")]);
  const backlog = new Backlog();
  expect((await backlog.parking(deps)).kind).toBe("full");
  deps.clockMs += backlogFreshMs;
  expect((await backlog.parking(deps)).kind).toBe("full");
});

it("asks once in a while, however much is parked", async () => {
  const deps = queue([messages(0), messages(backlogMessagesMax)]);
  const backlog = new Backlog();
  for (let n = 0; n < 10; n += 1) expect((await backlog.parking(deps)).kind).toBe("open");
  deps.clockMs += backlogFreshMs;
  expect((await backlog.parking(deps)).kind).toBe("full");
  expect(deps.asked).toBe(2);
});
