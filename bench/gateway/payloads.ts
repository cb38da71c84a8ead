/** What the edge really answers: recorded events are posted to it, moved to now, and its own addresses are asked for. */
import { readEventSet } from "../../demo/event-set.ts";
import { rebaseEvent } from "../../demo/rebase.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { renderEvent } from "../../schemas/render.ts";
import { pollUntil } from "../load/poll.ts";
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
const readable = { waitMs: 60_000, everyMs: 500 };

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

type Poster = Pick<EdgeServer, "host" | "port" | "post">;

/** The newest state of each entity lives on, so that nothing expires while it is measured. */
export async function postRecorded(edge: Poster): Promise<void> {
  const events = readEventSet("arbitrum").filter(({ type }) => type === "opportunity.detected");
  const toMs = Date.now();
  const living = events.slice(0, 2 * opportunitiesMin).map((event) => {
    const moved = rebaseEvent(event, { toMs, runId: "bench" });
    return renderEvent({ ...moved, data: { ...moved.data, expiry_time: new Date(toMs + 3_600_000).toISOString() } } as EdgeEvent);
  });
  await postAll(edge, living);
}

/** So many strategies, each the recorded one by a name of its own. */
export async function postStrategies(edge: Poster, count: number): Promise<void> {
  const recorded = readEventSet("arbitrum").find(({ type }) => type === "strategy.updated");
  if (recorded === undefined) throw new Error("no strategy was recorded");
  const moved = rebaseEvent(recorded, { toMs: Date.now(), runId: "bench" });
  const texts = Array.from({ length: count }, (_, index) => {
    const strategy_id = `bench-${index}`;
    return renderEvent({ ...moved, id: `${moved.id}-${index}`, subject: strategy_id, data: { ...moved.data, strategy_id } } as EdgeEvent);
  });
  await postAll(edge, texts);
}

async function postAll({ host, port, post }: Poster, texts: readonly string[]): Promise<void> {
  for (let from = 0; from < texts.length; from += batch) {
    const body = `[${texts.slice(from, from + batch).join(",")}]`;
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
  if (!(await pollUntil(holds, (isTrue) => isTrue, readable))) throw new Error("what was posted never became readable");
}
