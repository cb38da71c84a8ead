/** Posts a number of events in one of the shapes that ingest takes, and counts what was accepted. */
import { Agent, request } from "node:http";
import { nowMicros } from "../load/clock.ts";
import { eventMaker } from "../load/event.ts";
import type { IngestServer } from "./servers.ts";

/** Events in a JSON post, or all of them as lines of one body. */
export type Shape = { readonly kind: "json"; readonly batch: number } | { readonly kind: "lines" };

export interface Posted {
  readonly accepted: number;
  readonly seconds: number;
}

const ndjson = "application/x-ndjson";
/** Posts under way: enough to keep the server busy, few enough that nothing queues up at its door. */
const inFlight = 4;
const make = eventMaker();
let sequence = 0;

export function nameOf(shape: Shape): string {
  return shape.kind === "lines" ? "NDJSON" : `JSON of ${shape.batch}`;
}

/** Bodies are made beforehand: making them is not the server's work, but it shares its cores. */
export async function postAll(server: IngestServer, shape: Shape, events: number): Promise<Posted> {
  const bodies = bodiesOf(shape, events);
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const startedAt = performance.now();
  let accepted = 0;
  const sender = async (): Promise<void> => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      // Awaited first: `accepted += await …` reads the sum before the wait and loses what others added meanwhile.
      const taken = await post(server, { agent, shape, body });
      accepted += taken;
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, sender));
  } finally {
    agent.destroy();
  }
  return { accepted, seconds: (performance.now() - startedAt) / 1_000 };
}

function bodiesOf(shape: Shape, events: number): string[] {
  const nowMs = Date.now();
  const texts = Array.from({ length: events }, () => make({ stampMicros: nowMicros(), sequence: (sequence += 1), nowMs }));
  if (shape.kind === "lines") return [`${texts.join("\n")}\n`];
  const { batch } = shape;
  return Array.from({ length: Math.ceil(events / batch) }, (_, index) => {
    const part = texts.slice(index * batch, (index + 1) * batch);
    return batch === 1 ? (part[0] ?? "") : `[${part.join(",")}]`;
  });
}

interface Post {
  readonly agent: Agent;
  readonly shape: Shape;
  readonly body: string;
}

/** How many of its events were accepted. Throws on any answer but the good ones. */
async function post({ host, port, path, headers }: IngestServer, { agent, shape, body }: Post): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const type = shape.kind === "lines" ? { "content-type": ndjson, accept: ndjson } : { "content-type": "application/json" };
  const all = { ...headers, ...type, "content-length": Buffer.byteLength(body) };
  const sent = request({ agent, host, port, path, method: "POST", headers: all }, (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on("error", reject);
    response.on("end", () => {
      const text = Buffer.concat(parts).toString();
      if (response.statusCode === 202 || response.statusCode === 200) resolve(acceptedIn(text));
      else reject(new Error(`${response.statusCode}: ${text.slice(0, 300)}`));
    });
  });
  sent.on("error", reject);
  sent.end(body);
  return await promise;
}

/** The last line of an answer says how many, whoever gives it. */
function acceptedIn(text: string): number {
  const last = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as {
    accepted?: number;
    data?: { accepted: number };
    summary?: { accepted: number };
  };
  return last.accepted ?? last.data?.accepted ?? last.summary?.accepted ?? 0;
}
