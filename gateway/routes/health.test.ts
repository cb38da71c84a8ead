import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { findStream } from "../../channels/catalogue.ts";
import type { ChannelStatus } from "../../schemas/rpc.ts";
import type { UpstreamStatus } from "../../schemas/upstream.ts";
import { client } from "../../tests/support/reading.ts";
import { channelHealth, healthRoutes, upstreamHealth } from "./health.ts";
import type { HealthReport } from "./health-checks.ts";

const ask = client(healthRoutes());
const reject = () => Promise.reject(new Error("secret"));

async function read(variables: Record<string, unknown>): Promise<{ status: number; report: HealthReport; text: string }> {
  const { status, text } = await client(healthRoutes())("/health", { variables });
  return { status, report: JSON.parse(text) as HealthReport, text };
}

describe("/health", () => {
  const noChannels = { CHANNELS: { idFromName: () => "id", get: () => ({ status: reject }) } };

  it("is unhealthy and 503 when no channel and no inbox accepts, and says nothing of the errors", async () => {
    const { status, report, text } = await read({ ...noChannels, INBOX: { metrics: reject } });
    expect([status, report.status, text.includes("secret")]).toEqual([503, "unhealthy", false]);
  });

  it("is unhealthy when the configuration is unusable, without naming it", async () => {
    const { status, report, text } = await read({ JWT_SECRET: "" });
    expect([status, report.status, report.checks["config"]?.status, text.includes("JWT")]).toEqual([503, "unhealthy", "down", false]);
  });

  it("is degraded and 200 while the inbox alone accepts", async () => {
    const { status, report } = await read(noChannels);
    expect([status, report.status, report.checks["channel:opportunities"]?.status]).toEqual([200, "degraded", "down"]);
  });

  it("is degraded when a database is out of reach", async () => {
    const { report } = await read({ METRICS_DB: { prepare: () => ({ first: reject }) } });
    expect([report.status, report.checks["d1:metrics"], report.checks["d1:opportunities"]?.status]).toEqual([
      "degraded",
      { status: "down", latency_ms: expect.any(Number), reason: "error" },
      "up",
    ]);
  });

  it("is healthy when everything answers, and is never cached on the way", async () => {
    const { status, headers, text } = await ask("/health");
    const report = JSON.parse(text) as HealthReport;
    expect([status, report.status, headers.get("cache-control")]).toEqual([200, "healthy", "no-store"]);
    expect(Object.keys(report.checks).filter((name) => !name.startsWith("channel:"))).toEqual([
      "config",
      "inbox",
      "d1:opportunities",
      "d1:strategies",
      "d1:metrics",
      "d1:sessions",
      "r2:edge-logs",
    ]);
  });

  it("asks everything once for a burst of monitors", async () => {
    let asked = 0;
    const bucket = { head: async () => void (asked += 1) };
    const burst = client(healthRoutes());
    await Promise.all(Array.from({ length: 20 }, () => burst("/health", { variables: { EDGE_LOGS: bucket } })));
    expect(asked).toBe(1);
  });
});

describe("a channel", () => {
  const status = (overrides: Partial<ChannelStatus>): ChannelStatus => ({
    v: 1,
    stream: "opportunities",
    epoch: "e",
    top: 100,
    first: 1,
    logBytes: 1,
    outbox: { "hot-cache": 0, "event-log": 0 },
    settled: 90,
    relays: [],
    ...overrides,
  });
  const stream = findStream("opportunities");
  if (stream === undefined) throw new Error("no stream");

  it.each([
    [55_500, false],
    [55_501, true],
  ])("whose fuller outbox holds %i events is slow: %s", (depth, slow) => {
    expect(channelHealth(status({ outbox: { "hot-cache": 1, "event-log": depth } }), stream).slow).toBe(slow);
  });

  it("tells figures, not names", () => {
    const relays = [true, false].map((behind) => ({ relay: "relay:weur:0", position: 1, behind }));
    expect(channelHealth(status({ relays }), stream).figures).toEqual({ outbox: 0, unsettled: 10, relays: 2, relays_behind: 1 });
  });
});

it("the operator's key is no part of any answer", async () => {
  expect((await ask("/health")).text).not.toContain(env.OPS_API_KEY);
});

describe("the check of Contabo's socket", () => {
  const counts = { dials: 1, failovers: 0, returns: 0, frames: 9, accepted: 7, duplicates: 1, rejected: 1, dropped: 0 };
  const open: UpstreamStatus = { v: 1, state: "open", backend: 0, counts, waiting: 0, lagMs: 120 };

  it.each([
    ["is not connected", { state: "waiting" }],
    ["serves from another backend than the first", { backend: 1 }],
    ["holds frames for ten seconds", { waiting: 2_000 }],
  ] as const)("is slow when it %s", (_, over) => {
    expect(upstreamHealth({ ...open, ...over }).slow).toBe(true);
  });

  it("tells state, lag and losses", () => {
    expect(upstreamHealth(open)).toEqual({
      slow: false,
      figures: { connected: 1, backend: 0, waiting: 0, frames: 9, rejected: 1, dropped: 0, failovers: 0, lag_ms: 120 },
    });
  });

  it("is there where an address is configured, and degrades what cannot connect", async () => {
    const { status, report } = await read({
      CONTABO_WS_URLS: "wss://contabo.test/ws",
      BACKEND_AUTH_TOKEN: "test-token",
      UPSTREAMS: {
        idFromName: () => "id",
        get: () => ({ keep: async () => undefined, status: async () => ({ ...open, state: "dialling" }) }),
      },
    });
    expect([status, report.status, report.checks["upstream"]?.status]).toEqual([200, "degraded", "slow"]);
  });
});
