import { describe, expect, it } from "vitest";
import { packInbox, packPositions, unpack } from "../../schemas/pack.ts";
import { renderEvent } from "../../schemas/render.ts";
import { opportunity, rowOfEvents } from "../../tests/support/placed.ts";
import { decideRedrive, linesOf } from "./message.ts";

const now = Date.UTC(2026, 10, 24, 12);
const events = [opportunity("a", { timeMs: now }), opportunity("b", { timeMs: now })];

function packed(sink?: string): string {
  return packPositions({ stream: "opportunities", epoch: "e1", sink }, [rowOfEvents(7, now, events)])[0]?.body ?? "";
}

function sent(decision: ReturnType<typeof decideRedrive>): { queue: string; lines: string[]; first: number | undefined } {
  if (!decision.ok) throw new Error(decision.message);
  const message = unpack(decision.redrive.bodies[0]);
  if ("invalid" in message) throw new Error(message.invalid);
  return {
    queue: decision.redrive.queue,
    lines: linesOf(message),
    first: message.kind === "positions" ? message.rows[0]?.first : undefined,
  };
}

describe("where a letter goes", () => {
  it.each([
    ["hot-cache", packed("hot-cache"), "hot-cache"],
    ["event-log", packed("event-log"), "event-log"],
    ["hot-cache", packed(), "hot-cache"],
    // Retries exhausted: the message itself knows whose it was.
    ["dead-letter", packed("event-log"), "event-log"],
    ["dead-letter", packInbox(events.map(renderEvent))[0] ?? "", "inbox"],
    // The inbox parks one line by itself.
    ["inbox", renderEvent(opportunity("a", { timeMs: now })), "inbox"],
  ])("from %s back to where it failed (%#)", (queue, body, expected) => {
    expect(sent(decideRedrive(queue, body, {})).queue).toBe(expected);
  });

  it.each([
    ["dead-letter", packed(), /does not say/],
    ["hot-cache", "no message", /can't be read/],
    ["inbox", { odd: true }, /can't be read/],
  ])("is never guessed: %s %#", (queue, body, message) => {
    expect(decideRedrive(queue, body, {})).toMatchObject({ ok: false, path: "body", message: expect.stringMatching(message) });
  });
});

describe("a correction", () => {
  it("stands for the events one by one, under the same positions", () => {
    const corrected = opportunity("b", { timeMs: now, data: { estimated_profit: "1.00" } });
    const { first, lines } = sent(
      decideRedrive("hot-cache", packed("hot-cache"), {
        events: [JSON.parse(renderEvent(events[0] as never)), JSON.parse(renderEvent(corrected))],
      }),
    );
    expect(first).toBe(7);
    expect(lines).toEqual([renderEvent(events[0] as never), renderEvent(corrected)]);
  });

  it("is checked like any event, and what is wrong is named by its path", () => {
    const wrong = { ...opportunity("b", { timeMs: now }), data: { opportunity_id: "b" } };
    const decision = decideRedrive("hot-cache", packed("hot-cache"), { events: [JSON.parse(renderEvent(events[0] as never)), wrong] });
    expect(decision).toMatchObject({ ok: false, path: expect.stringMatching(/^events\.1\.data\./) });
  });

  it("neither leaves an event out nor brings one more", () => {
    const one = JSON.parse(renderEvent(events[0] as never)) as Record<string, unknown>;
    for (const given of [[one], [one, one, one]])
      expect(decideRedrive("hot-cache", packed("hot-cache"), { events: given })).toMatchObject({ ok: false, path: "events" });
  });

  it("may replace a text that can't be read, by one that can", () => {
    expect(sent(decideRedrive("hot-cache", "torn", { body: packed("hot-cache") })).lines).toHaveLength(2);
    expect(decideRedrive("hot-cache", "torn", { body: "torn as well" })).toMatchObject({ ok: false, path: "body" });
  });
});
