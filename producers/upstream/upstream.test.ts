/** From frames to channels: what counts as content, what the same event from another sending becomes, and what waits. */
import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { closedBreaker } from "../../platform/breaker.ts";
import type { Publication } from "../../schemas/rpc.ts";
import type { UpstreamFrame } from "../../schemas/upstream.ts";
import { opportunityJson } from "../../tests/support/publications.ts";
import type { PublishDeps } from "../ingest/publish.ts";
import { itemOf } from "./events.ts";
import { takeFrames } from "./index.ts";

const nowMs = Date.now();

function frame(body: Readonly<Record<string, unknown>>): UpstreamFrame {
  return { type: String(body["type"]), body, bytes: JSON.stringify(body).length };
}

function detection(over: Readonly<Record<string, unknown>> = {}): UpstreamFrame {
  const { data } = opportunityJson({ id: "opp-1", timeMs: nowMs - 400 });
  return frame({ type: "opportunity_detected", data, ...over });
}

function depsThat(publish: PublishDeps["publish"], charge: PublishDeps["charge"] = () => undefined) {
  const published: Publication[] = [];
  const parked: string[] = [];
  const deps: PublishDeps = {
    charge,
    publish: async (stream, events) => {
      published.push(...events);
      return await publish(stream, events);
    },
    send: async (bodies) => void parked.push(...bodies),
    parking: async () => ({ kind: "open" }),
    wait: async () => undefined,
    breakers: new Map([["opportunities", closedBreaker]]),
    flows: new Map(),
    publishTimeoutMs: 1_000,
    sendTimeoutMs: 1_000,
    nowMs: () => nowMs,
    report: () => undefined,
  };
  return { deps, published, parked };
}

const ok: PublishDeps["publish"] = async (_, events) => ({ v: 1, kind: "ok", epoch: "e", offsets: events.map(() => 1), duplicates: [] });

async function keysOf(frames: readonly UpstreamFrame[]): Promise<string[]> {
  const { deps, published } = depsThat(ok);
  await takeFrames(frames, deps);
  return published.map(({ key }) => key);
}

describe("the same event sent again has the same key", () => {
  it.each([
    ["under another spelling", { type: "opportunity:detected" }],
    ["at another moment of sending", { timestamp: nowMs }],
    ["with its fields in another order", { data: Object.fromEntries(Object.entries(detection().body["data"] as object).toReversed()) }],
  ])("%s", async (_, over) => {
    const [original] = await keysOf([detection()]);
    expect(await keysOf([detection(over)])).toEqual([original]);
  });
});

it("takes two states of one opportunity for two events", async () => {
  const data = { ...(detection().body["data"] as object), execution_status: "executing" };
  expect(new Set(await keysOf([detection(), detection({ data })])).size).toBe(2);
});

it("keeps a CloudEvent's own id and time, so that it is the one that was posted", async () => {
  const event = opportunityJson({ id: "posted-1", timeMs: nowMs });
  expect(itemOf(frame(event))).toEqual({ value: event });
  const { deps, published } = depsThat(ok);
  await takeFrames([frame(event)], deps);
  expect(published[0]?.text).toContain('"id":"posted-1","source":"contabo/test"');
});

it("keeps the frame's time where the data tells none", () => {
  const alert = { type: "system_alert", timestamp: nowMs, data: { level: "info", message: "hello" } };
  expect(itemOf(frame(alert))).toEqual({ value: alert });
});

it("counts what is refused, names the field, and delivers the neighbours", async () => {
  const bad = detection({ data: { ...(detection().body["data"] as object), risk_score: "high" } });
  const { deps, published } = depsThat(ok);
  expect(await takeFrames([bad, detection(), frame({ type: "nonsense", data: {} })], deps)).toEqual({
    kind: "taken",
    accepted: 1,
    duplicates: 0,
    rejected: 2,
    path: "data.risk_score",
    newestMs: nowMs - 400,
  });
  expect(published).toHaveLength(1);
});

it("publishes nothing when nothing is valid", async () => {
  const { deps, published } = depsThat(ok);
  expect(await takeFrames([frame({ type: "nonsense", data: {} })], deps)).toMatchObject({ kind: "taken", accepted: 0, rejected: 1 });
  expect(published).toEqual([]);
});

it("waits as long as a full channel, or an allowance that is used up, asks", async () => {
  const full = depsThat(async () => ({ v: 1, kind: "full", retryAfterMs: 5_000 }));
  expect(await takeFrames([detection()], full.deps)).toEqual({ kind: "later", retryAfterMs: 5_000 });
  const poor = depsThat(ok, () => {
    throw new AppError("RATE_LIMIT_EXCEEDED", "too many", { retryAfterSeconds: 3 });
  });
  expect(await takeFrames([detection()], poor.deps)).toEqual({ kind: "later", retryAfterMs: 3_000 });
});

it("parks what its channel does not take, and tries again when nothing takes it", async () => {
  const dead: PublishDeps["publish"] = () => Promise.reject(new Error("gone"));
  const parking = depsThat(dead);
  expect(await takeFrames([detection()], parking.deps)).toMatchObject({ kind: "taken", accepted: 1 });
  expect(parking.parked).toHaveLength(1);
  const { deps } = depsThat(dead);
  const lost = { ...deps, send: () => Promise.reject(new Error("gone")) };
  expect(await takeFrames([detection()], lost)).toMatchObject({ kind: "later" });
});
