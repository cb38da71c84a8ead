/** npm `eventsource`, unmodified, against the running edge: cut off, away, back by Last-Event-ID, and equal to the log. */
import { once } from "node:events";
import { connect } from "node:net";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { FlakyLine } from "./flaky-line.ts";
import { opportunitiesOf, postEvents, readLog } from "./log.ts";

let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

const patienceMs = 30_000;

interface Subscribed {
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean;
  readonly was_recovering: boolean;
}

interface Seen {
  readonly offset: number;
  readonly id: string;
  readonly lastEventId: string;
}

interface Received extends Seen {
  readonly chars: number;
}

/** An EventSource that keeps what it was told. */
function follow(url: string): { source: EventSource; seen: Received[]; subscribed: Subscribed[] } {
  const source = new EventSource(url);
  const seen: Received[] = [];
  const subscribed: Subscribed[] = [];
  source.addEventListener("subscribed", ({ data }) => subscribed.push(JSON.parse(String(data)) as Subscribed));
  source.addEventListener("opportunity_detected", ({ data, lastEventId }) => {
    const { offset, id } = JSON.parse(String(data)) as { offset: number; id: string };
    seen.push({ offset, id, lastEventId, chars: String(data).length });
  });
  return { source, seen, subscribed };
}

async function logAfter(position: { epoch: string; offset: number }): Promise<Seen[]> {
  const entries = await readLog(edge.url, "opportunities", position);
  return entries.map(({ epoch, offset, id }) => ({ offset, id, lastEventId: `${epoch}:${offset}` }));
}

const until = (condition: () => boolean): Promise<void> => expect.poll(condition, { timeout: patienceMs, interval: 20 }).toBe(true);
const post = (name: string, count: number): Promise<void> => postEvents(edge.url, opportunitiesOf(`sse-${process.pid}-${name}`, count));

it("tells a client that may not read why, and it does not come back", async () => {
  const source = new EventSource(`${edge.url}/sse/executions`);
  const code = await new Promise((resolve) => source.addEventListener("error", (event) => resolve(event.code)));
  expect([code, source.readyState]).toEqual([401, EventSource.CLOSED]);
});

it("cut off for 500 events, it comes back by Last-Event-ID and has the log, event for event", async () => {
  const line = await FlakyLine.to(edge.port);
  const { source, seen, subscribed } = follow(`${line.url}/sse/opportunities`);
  await until(() => subscribed.length === 1);
  await post("before", 20);
  await until(() => seen.length === 20);
  line.cut();
  await post("meanwhile", 500);
  expect(seen.length).toBe(20);
  line.mend();
  await until(() => seen.length >= 520);
  await post("after", 20);
  await until(() => seen.length >= 540);
  expect(subscribed.at(-1)).toMatchObject({ recovered: true, was_recovering: true, offset: seen[19]?.offset });
  expect(seen.map(({ chars: _, ...event }) => event)).toEqual(
    await logAfter({ epoch: subscribed[0]?.epoch ?? "", offset: subscribed[0]?.offset ?? 0 }),
  );
  source.close();
  line.close();
});

it("a reader far behind, whose recovery is more than may lie unread, still gets every event", async () => {
  const start = follow(`${edge.url}/sse/opportunities`);
  await until(() => start.subscribed.length === 1);
  start.source.close();
  const position = { epoch: start.subscribed[0]?.epoch ?? "", offset: start.subscribed[0]?.offset ?? 0 };
  await post("far", 9_000);
  const { source, seen, subscribed } = follow(`${edge.url}/sse/opportunities?last_event_id=${position.epoch}:${position.offset}`);
  await until(() => seen.length >= 9_000);
  expect(subscribed.length).toBeGreaterThan(1);
  expect(subscribed.every(({ recovered }) => recovered)).toBe(true);
  expect(seen.map(({ chars: _, ...event }) => event)).toEqual(await logAfter(position));
  source.close();
});

it("a reader that does not read is ended within its bound and told to recover, and nobody else notices", async () => {
  const { source, seen, subscribed } = follow(`${edge.url}/sse/opportunities`);
  const stalled = connect(edge.port, "127.0.0.1");
  stalled.write(`GET /sse/opportunities HTTP/1.1\r\nhost: edge\r\n\r\n`);
  await once(stalled, "readable");
  await until(() => subscribed.length === 1);
  // More than the kernel's own buffers hold on top of the bound.
  await post("stalled", 20_000);
  await until(() => seen.length >= 20_000);
  let bytes = 0;
  let tail = "";
  stalled.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    tail = (tail + chunk.toString("latin1")).slice(-500);
  });
  await until(() => tail.includes("event: closed"));
  expect(tail).toMatch(/"type":"closed","code":4008,/);
  expect(bytes).toBeLessThan(seen.reduce((sum, event) => sum + event.chars, 0));
  stalled.destroy();
  source.close();
});
