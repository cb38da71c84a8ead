/** The edge as its users see it: post events, read the R2 log and D1 back. */
import { env, exports } from "cloudflare:workers";
import { readLog } from "../../stores/event-log-reader.ts";
import { streams } from "../../channels/catalogue.ts";
import { channelStub } from "../../durable-objects/stubs.ts";

export interface PostAnswer {
  readonly status: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
}

export async function post(events: readonly unknown[], query = ""): Promise<PostAnswer> {
  const response = await exports.default.fetch(`https://edge.test/api/events${query}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": "test-ingest-key-1" },
    body: JSON.stringify(events),
  });
  const { data } = (await response.json()) as { data?: { accepted: number; duplicates: number; rejected: unknown[] } };
  return {
    status: response.status,
    accepted: data?.accepted ?? 0,
    duplicates: data?.duplicates ?? 0,
    rejected: data?.rejected.length ?? 0,
  };
}

/** As the backend does: again and again until it was answered 202. */
export async function postUntilAccepted(events: readonly unknown[]): Promise<PostAnswer> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const answer = await post(events);
    if (answer.status === 202) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50 * (attempt + 1)));
  }
  throw new Error("never accepted");
}

/** Every event of the R2 log, once per position: `source id → offsets`. */
export async function loggedOffsets(): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { name } of streams) {
    for await (const line of readLog(env.EDGE_LOGS, { stream: name, from: Date.now() - 2 * 3_600_000, to: Date.now() + 3_600_000 })) {
      const { id } = JSON.parse(line.text) as { id: string };
      found.set(id, [...(found.get(id) ?? []), line.offset]);
    }
  }
  return found;
}

export async function outboxOf(stream: string): Promise<number> {
  const { outbox } = await channelStub(env, stream).status({ v: 1, stream });
  return Object.values(outbox).reduce((sum, depth) => sum + depth, 0);
}

/** Positions not yet known to be in D1. */
export async function unsettled(stream: string): Promise<number> {
  const { top, offset } = await channelStub(env, stream).settled({ v: 1, stream });
  return top - offset;
}

/** `data` of a successful answer, asked as an operator. */
export async function get(path: string): Promise<unknown> {
  const response = await exports.default.fetch(`https://edge.test${path}`, { headers: { "x-api-key": "test-ops-key" } });
  const body = (await response.json()) as { success: boolean; data: unknown };
  if (!body.success) throw new Error(JSON.stringify(body));
  return body.data;
}
