/** What the edge really answers: recorded events are posted to it, moved to now, and its own addresses are asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import { readEventSet } from "../../demo/event-set.ts";
import { rebaseEvent } from "../../demo/rebase.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { renderEvent } from "../../schemas/render.ts";
import type { EdgeServer } from "../peers/edge.ts";

export interface Payload {
  readonly name: string;
  readonly bytes: Buffer;
  /** Answered as a stream of lines. */
  readonly isLines: boolean;
}

const batch = 100;
/** Enough for the largest page, and a log of some 600 kB. */
const opportunitiesMin = 500;
const waitMs = 60_000;

export async function payloadsOf(edge: EdgeServer, opsKey: string): Promise<Payload[]> {
  const postedMs = Date.now();
  await postRecorded(edge);
  const read = reader(edge, opsKey);
  await until(async () => JSON.parse((await read("/api/opportunities?limit=500")).toString()).data.length >= opportunitiesMin);
  const log = `/ops/logs?stream=opportunities&from=${new Date(postedMs - 60_000).toISOString()}`;
  await until(async () => (await read(log)).toString().split("\n").length > opportunitiesMin);
  const addresses: readonly [string, string][] = [
    ["one opportunity", "/api/opportunities?limit=1"],
    ["10 opportunities", "/api/opportunities?limit=10"],
    ["100 opportunities", "/api/opportunities"],
    ["500 opportunities", "/api/opportunities?limit=500"],
    ["snapshot", "/api/channels/opportunities/snapshot"],
    ["/ops/channels", "/ops/channels"],
    ["/asyncapi.json", "/asyncapi.json"],
    ["/openapi.json", "/openapi.json"],
    ["log (lines)", log],
  ];
  const payloads: Payload[] = [];
  for (const [name, path] of addresses) payloads.push({ name, bytes: await read(path), isLines: path === log });
  return payloads;
}

/** The newest state of each entity lives on, so that nothing expires while it is measured. */
export async function postRecorded({ host, port, post }: Pick<EdgeServer, "host" | "port" | "post">): Promise<void> {
  const events = readEventSet("arbitrum").filter(({ type }) => type === "opportunity.detected");
  const toMs = Date.now();
  const living = events.slice(0, 2 * opportunitiesMin).map((event) => {
    const moved = rebaseEvent(event, { toMs, runId: "bench" });
    return renderEvent({ ...moved, data: { ...moved.data, expiry_time: new Date(toMs + 3_600_000).toISOString() } } as EdgeEvent);
  });
  for (let from = 0; from < living.length; from += batch) {
    const body = `[${living.slice(from, from + batch).join(",")}]`;
    const response = await fetch(`http://${host}:${port}${post.path}`, { method: "POST", headers: post.headers, body });
    if (response.status !== 202) throw new Error(`the edge answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  }
}

function reader({ host, port }: EdgeServer, opsKey: string): (path: string) => Promise<Buffer> {
  return async (path) => {
    const response = await fetch(`http://${host}:${port}${path}`, { headers: { "x-api-key": opsKey, "accept-encoding": "identity" } });
    if (response.status !== 200) throw new Error(`${path} was answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + waitMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error("what was posted never became readable");
    await sleep(500);
  }
}
