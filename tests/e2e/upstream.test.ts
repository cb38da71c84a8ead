/** The running edge dials two stand-ins for Contabo's socket that drop, stall, repeat, reorder and lie: each event is delivered once, and the
 *  second backend takes over within ten seconds. The tests follow each other on one edge, as a day does. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { opportunityJson } from "../support/publications.ts";
import { ContaboSocket } from "./contabo-socket.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const token = "dev-backend-token-0001";
/** The promise: from the first backend's death to the second one's subscription. */
const failoverMs = 10_000;

let first: ContaboSocket;
let second: ContaboSocket;
let edge: EdgeProcess;
let args: readonly string[];
beforeAll(async () => {
  first = await ContaboSocket.start(token);
  second = await ContaboSocket.start(token);
  const urls = `${first.url("/ws")},${second.url("/ws/realtime")}`;
  const variables = [`CONTABO_WS_URLS=${urls}`, `CONTABO_BACKEND_URL=${first.origin},${second.origin}`, "CONTABO_API_PREFIX=/api/v2"];
  args = ["--no-feed", "--state", freshState(), ...variables.flatMap((variable) => ["--var", variable])];
  edge = await EdgeProcess.start(args);
  await edge.healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
  await Promise.all([first.close(), second.close()]);
});

type Data = Record<string, unknown>;

let serial = 0;
/** Distinct opportunities, as docs/API.md has them: no id of an event, no sequence. */
function detections(name: string, count: number): { readonly type: string; readonly data: Data }[] {
  return Array.from({ length: count }, () => {
    serial += 1;
    const { data } = opportunityJson({ id: `${name}-${serial}`, timeMs: Date.now() });
    return { type: "opportunity_detected", data: data as Data };
  });
}

const idsOf = (frames: readonly { readonly data: Data }[]): string[] => frames.map(({ data }) => String(data["opportunity_id"]));

interface Logged {
  readonly id: string;
  readonly data: Data;
}

async function logged(channel: string): Promise<Logged[]> {
  const url = `${edge.url}/api/channels/${channel}/history?limit=1000`;
  const response = await fetch(url, { headers: { "x-api-key": "dev-ops-key-0001" } });
  const { data } = (await response.json()) as { data: { events: { event: Logged }[] } };
  return data.events.map(({ event }) => event);
}

/** Entities of a channel's log whose name begins so, in order. */
async function entities(channel: string, name: string, field = "opportunity_id"): Promise<string[]> {
  return (await logged(channel)).map(({ data }) => String(data[field])).filter((id) => id.startsWith(name));
}

/** Until the log holds what was sent: what is there too often shows at once, for the marker is sent last. */
async function arrived(socket: ContaboSocket): Promise<void> {
  const [marker] = detections("marker", 1);
  if (marker === undefined) throw new Error("no marker");
  socket.send(marker);
  const [id] = idsOf([marker]);
  await expect.poll(() => entities("opportunities", "marker"), { timeout: 15_000, interval: 100 }).toContain(id);
}

interface Health {
  readonly checks: Record<string, { readonly status: string; readonly figures?: Record<string, number> }>;
}

async function health(): Promise<Health["checks"][string] | undefined> {
  const report = (await (await fetch(`${edge.url}/health`)).json()) as Health;
  return report.checks["upstream"];
}

/** The edge answers for up to two seconds what it found. */
async function healthSays(what: object): Promise<void> {
  await expect.poll(health, { timeout: 10_000, interval: 250 }).toMatchObject(what);
}

it("authenticates and subscribes as the backend's contract says, at the first backend alone", async () => {
  await first.hasSubscribed(1);
  const [client] = first.clients;
  await expect.poll(() => client?.said.length).toBeGreaterThanOrEqual(4);
  expect(client?.path).toBe("/ws");
  expect(client?.headers).toMatchObject({ authorization: `Bearer ${token}`, "x-api-key": "dev-contabo-key-0001" });
  expect(client?.said.slice(0, 4)).toEqual([
    { type: "authenticate", token },
    { type: "subscribe", channel: "opportunities" },
    { type: "subscribe", channel: "executions" },
    { type: "subscribe", channel: "alerts" },
  ]);
  expect([first.clients.length, second.clients.length]).toEqual([1, 0]);
});

it("refuses what is no event, and goes on with what is", async () => {
  const [good, other] = detections("honest", 2);
  const data = good?.data ?? {};
  const lies: (string | Buffer | Data)[] = [
    "{",
    "[]",
    "null",
    Buffer.from([1, 2, 3]),
    "x".repeat(300_000),
    { type: "opportunity_detected" },
    { type: "opportunity_detected", data: null },
    { type: "opportunity_detected", data: [data] },
    { type: "opportunity_detected", data: { ...data, opportunity_id: "liar-1", estimated_profit: "a lot" } },
    { type: "opportunity_detected", data: { ...data, opportunity_id: "liar-2", timestamp: "2099-01-01T00:00:00Z" } },
    { type: "opportunity_detected", data: { ...data, opportunity_id: "liar-3", chain: "no such chain!" } },
    { type: "something_else", data },
    { type: "error", code: "NOT_FOUND" },
  ];
  for (const lie of [good ?? {}, ...lies, other ?? {}]) first.send(lie);
  await arrived(first);
  expect(await entities("opportunities", "honest")).toEqual(idsOf([good, other].filter((frame) => frame !== undefined)));
  expect(await entities("opportunities", "liar")).toEqual([]);
  // Of the lies one is an answer, not an event.
  await healthSays({ status: "up", figures: { connected: 1, backend: 0, rejected: lies.length - 1 } });
  expect(first.clients).toHaveLength(1);
});

it("tells each event once, however often and in whatever order it comes", async () => {
  const frames = detections("repeat", 200);
  const backwards = frames.toReversed();
  const otherOrderOfFields = frames.map(({ type, data }) => ({ data: Object.fromEntries(Object.entries(data).toReversed()), type }));
  const sentAgain = frames.map((frame, index) => ({ ...frame, timestamp: Date.now() + index }));
  for (const frame of [...frames.slice(0, 100), ...backwards, ...otherOrderOfFields, ...sentAgain]) first.send(frame);
  await arrived(first);
  const found = await entities("opportunities", "repeat");
  expect([found.length, new Set(found)]).toEqual([200, new Set(idsOf(frames))]);
});

it("brings executions and alerts to their channels, in the backend's own spellings", async () => {
  const time = new Date().toISOString();
  const execution = { execution_id: "run-1", opportunity_id: "x", chain: "ethereum", status: "confirmed", created_at: time };
  for (const times of [1, 2]) {
    first.send({ type: "execution_completed", data: execution });
    first.send({ type: "system_alert", data: { level: "warning", message: "gas is high", timestamp: time } });
    expect(times).toBeGreaterThan(0);
  }
  await arrived(first);
  expect(await entities("executions", "run", "execution_id")).toEqual(["run-1"]);
  expect((await logged("alerts")).map(({ data }) => data["message"])).toEqual(["gas is high"]);
});

it("comes back to a backend that drops its connections, asks once for what it missed, and tells once what it hears again", async () => {
  const frames = detections("dropped", 80);
  const time = new Date().toISOString();
  const run = { execution_id: "dropped-run", opportunity_id: "x", chain: "ethereum", status: "confirmed", created_at: time };
  const connections = first.clients.length;
  for (const frame of frames.slice(0, 40)) first.send(frame);
  await arrived(first);
  // What was said while nobody listened stands in lists with what was heard.
  first.api.set("/api/v2/opportunities", { success: true, data: frames.slice(20, 60).map(({ data }) => data) });
  first.api.set("/api/v2/executions", [run, run]);
  const asked = first.asked.length;
  first.drop();
  await first.hasSubscribed(0);
  await first.hasSubscribed(1);
  await expect.poll(() => entities("executions", "dropped", "execution_id"), { timeout: 15_000, interval: 100 }).toEqual(["dropped-run"]);
  for (const frame of frames.slice(50)) first.send(frame);
  await arrived(first);
  expect(await entities("opportunities", "dropped")).toEqual(idsOf(frames));
  const questions = first.asked.slice(asked);
  expect(questions.map(({ url }) => url)).toEqual(["/api/v2/opportunities?limit=500", "/api/v2/executions?limit=500"]);
  for (const { headers } of questions) {
    expect(headers).toMatchObject({ authorization: `Bearer ${token}`, "x-api-key": "dev-contabo-key-0001" });
  }
  expect([first.clients.length, second.clients.length, second.asked.length]).toEqual([connections + 1, 0, 0]);
});

it("goes over to the second backend within ten seconds when the first stalls, and is subscribed at one only", async () => {
  // An API that answers nonsense holds nothing up.
  second.api.set("/api/v2/opportunities", "<html>down for maintenance</html>");
  second.api.set("/api/v2/executions", `[${"0,".repeat(3_000_000)}0]`);
  const frames = detections("failover", 80);
  for (const frame of frames.slice(0, 40)) first.send(frame);
  await arrived(first);
  first.stall();
  await second.hasSubscribed(1, failoverMs);
  await first.hasSubscribed(0);
  // The second knows the last of what the first told, too.
  for (const frame of frames.slice(10)) second.send(frame);
  await arrived(second);
  expect(await entities("opportunities", "failover")).toEqual(idsOf(frames));
  expect(second.clients[0]?.path).toBe("/ws/realtime");
  await healthSays({ status: "slow", figures: { connected: 1, backend: 1, failovers: 1, dropped: 0 } });
});

it("goes back within ten seconds when the second refuses and the first serves again", async () => {
  first.serve();
  second.refuse();
  await first.hasSubscribed(1, failoverMs);
  const frames = detections("back", 5);
  for (const frame of frames) first.send(frame);
  await arrived(first);
  expect(await entities("opportunities", "back")).toEqual(idsOf(frames));
  await healthSays({ status: "up", figures: { connected: 1, backend: 0 } });
});

it("dials again by itself after the edge was killed, with nobody asking it to", async () => {
  await edge.end("SIGKILL");
  await first.hasSubscribed(0);
  edge = await EdgeProcess.start(args);
  await first.hasSubscribed(1, 60_000);
  const frames = detections("killed", 3);
  for (const frame of frames) first.send(frame);
  await edge.healthy();
  await arrived(first);
  expect(await entities("opportunities", "killed")).toEqual(idsOf(frames));
});
