/** GET /health: asks every dependency what it can cheaply answer. 200 while events can be accepted, 503 when none can. */
import { Hono } from "hono";
import { streams } from "../../channels/catalogue.ts";
import type { Stream } from "../../channels/catalogue.ts";
import { channelStub, upstreamStub } from "../../durable-objects/stubs.ts";
import { configOf } from "../../platform/config.ts";
import { keepUpstream } from "../../producers/upstream/keep.ts";
import type { ChannelStatus } from "../../schemas/rpc.ts";
import type { UpstreamStatus } from "../../schemas/upstream.ts";
import { probeBucket, probeDatabase } from "../../stores/probe.ts";
import { Recent, checkTimeoutMs, runChecks } from "./health-checks.ts";
import type { Check, HealthReport } from "./health-checks.ts";

/** Five minutes at the owner's mean of 185 events/s: a queue that far behind needs somebody to look. */
const outboxEventsSlow = 55_500;
/** Monitors and two hooks a browser tab ask: once in two seconds per isolate is often enough. */
const bounds = { ttlMs: 2_000, joinMs: checkTimeoutMs + 500 };

export function healthRoutes(clock: () => number = Date.now): Hono<{ Bindings: Env }> {
  const recent = new Recent<HealthReport>(bounds);
  return new Hono<{ Bindings: Env }>().get("/health", async (c) => {
    const report = await recent.get(clock(), () => {
      const running = runChecks(checksOf(c.env), clock);
      // Others may be waiting for it: it must outlive the request that started it.
      c.executionCtx.waitUntil(running);
      return running;
    });
    return c.json(report, report.status === "unhealthy" ? 503 : 200, { "cache-control": "no-store" });
  });
}

function checksOf(env: Env): Check[] {
  const fine = { slow: false };
  return [
    { name: "config", run: async () => (configOf(env), fine) },
    ...streams.map((stream) => channelCheck(env, stream)),
    ...upstreamChecks(env),
    { name: "inbox", run: async () => (await env.INBOX.metrics(), fine) },
    { name: "d1:opportunities", run: async () => (await probeDatabase(env.OPPORTUNITIES_DB), fine) },
    { name: "d1:strategies", run: async () => (await probeDatabase(env.STRATEGIES_DB), fine) },
    { name: "d1:metrics", run: async () => (await probeDatabase(env.METRICS_DB), fine) },
    { name: "d1:sessions", run: async () => (await probeDatabase(env.SESSIONS_DB), fine) },
    { name: "r2:edge-logs", run: async () => (await probeBucket(env.EDGE_LOGS), fine) },
  ];
}

function channelCheck(env: Env, stream: Stream): Check {
  return {
    name: `channel:${stream.name}`,
    run: async () => channelHealth(await channelStub(env, stream.name).status({ v: 1, stream: stream.name }), stream),
  };
}

/** Only where Contabo's socket is configured. Asking starts it, should it not run yet. */
function upstreamChecks(env: Env): Check[] {
  if (env.CONTABO_WS_URLS.trim() === "") return [];
  const run = async (): ReturnType<Check["run"]> => {
    await keepUpstream(env);
    return upstreamHealth(await upstreamStub(env).status());
  };
  return [{ name: "upstream", run }];
}

/** Ten seconds of the owner's mean: frames wait that long only when a channel is full or out of reach. */
const upstreamFramesSlow = 1_850;

/** It falls behind when it is not connected, when another backend than the first serves, or when frames wait. */
export function upstreamHealth({ state, backend, counts, waiting, lagMs }: UpstreamStatus): {
  slow: boolean;
  figures: Record<string, number>;
} {
  const { frames, rejected, dropped, failovers } = counts;
  const connected = state === "open";
  return {
    slow: !connected || backend > 0 || waiting > upstreamFramesSlow,
    figures: {
      connected: connected ? 1 : 0,
      backend,
      waiting,
      frames,
      rejected,
      dropped,
      failovers,
      ...(lagMs === undefined ? {} : { lag_ms: lagMs }),
    },
  };
}

/** A channel falls behind when a queue does not take what its outbox holds, or a relay does not take what it delivers. */
export function channelHealth(status: ChannelStatus, stream: Stream): { slow: boolean; figures: Record<string, number> } {
  const outbox = Math.max(0, ...Object.values(status.outbox));
  const behind = status.relays.filter((relay) => relay.behind).length;
  // Only the hot cache settles positions.
  const settling = stream.sinks.includes("hot-cache") ? { unsettled: status.top - status.settled } : {};
  return {
    slow: outbox > outboxEventsSlow,
    figures: { outbox, ...settling, relays: status.relays.length, relays_behind: behind },
  };
}
