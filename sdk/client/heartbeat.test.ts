import { expect, it } from "vitest";
import { beat, pingAfterMs, pongWithinMs, probe, probeWithinMs } from "./heartbeat.ts";

it("pings a peer that was silent, and gives it up when nothing follows", () => {
  expect(beat({ heardMs: 0 }, pingAfterMs - 1)).toEqual({ kind: "wait", pulse: { heardMs: 0 }, delayMs: 1 });
  const pinged = beat({ heardMs: 0 }, pingAfterMs);
  expect(pinged).toMatchObject({ kind: "ping", delayMs: pongWithinMs });
  if (pinged.kind === "dead") return;
  expect(beat(pinged.pulse, pingAfterMs + pongWithinMs - 1)).toMatchObject({ kind: "wait", delayMs: 1 });
  expect(beat(pinged.pulse, pingAfterMs + pongWithinMs)).toEqual({ kind: "dead" });
});

it("takes any frame after the ping for a sign of life", () => {
  const ping = { sentMs: 100_000, withinMs: pongWithinMs };
  expect(beat({ heardMs: 100_001, ping }, 100_002)).toMatchObject({ kind: "wait", delayMs: pingAfterMs - 1 });
});

it("after an hour asleep asks before it gives up", () => {
  expect(beat({ heardMs: 0 }, 3_600_000)).toMatchObject({ kind: "ping" });
});

it("a probe asks at once and waits less, but does not give a ping already out more time", () => {
  expect(probe({ heardMs: 500 }, 500)).toEqual({
    kind: "ping",
    pulse: { heardMs: 500, ping: { sentMs: 501, withinMs: probeWithinMs } },
    delayMs: probeWithinMs,
  });
  const ping = { sentMs: 1_000, withinMs: pongWithinMs };
  expect(probe({ heardMs: 0, ping }, 2_000)).toMatchObject({ kind: "wait", delayMs: pongWithinMs - 1_000 });
});
