/** The AsyncAPI document is true: every frame that the running edge sends, of every type it can send, is what the document says, without a
 *  field that it does not name. In Node, because ajv compiles code, which the Workers runtime forbids. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { EventSource } from "eventsource";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import type { AsyncApiDocument } from "../../schemas/asyncapi.ts";
import { eventTypes } from "../../schemas/event.ts";
import { opportunityJson } from "../support/publications.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const root = join(import.meta.dirname, "..", "..");
const patienceMs = 30_000;

let edge: EdgeProcess;
let document: AsyncApiDocument;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
  document = (await (await fetch(`${edge.url}/asyncapi.json`)).json()) as AsyncApiDocument;
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

type Frame = Record<string, unknown> & { readonly type: string };

class Client {
  readonly frames: Frame[] = [];
  readonly socket: WebSocket;

  constructor(path: string) {
    this.socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`);
    this.socket.addEventListener("message", ({ data }) => this.frames.push(JSON.parse(String(data)) as Frame));
  }

  async opened(): Promise<this> {
    await until(() => this.socket.readyState === WebSocket.OPEN);
    return this;
  }

  say(frame: Record<string, unknown>): void {
    this.socket.send(JSON.stringify(frame));
  }

  has(type: string, count = 1): Promise<void> {
    return until(
      () => this.frames.filter((frame) => frame.type === type).length >= count,
      () => `${type}: ${this.frames.map((frame) => frame.type).join(", ")}`,
    );
  }
}

async function until(condition: () => boolean, what: () => string = () => ""): Promise<void> {
  await expect.poll(() => (condition() ? "" : `still waiting ${what()}`), { timeout: patienceMs, interval: 20 }).toBe("");
}

async function sign(claims: Record<string, unknown>, expiresInSeconds: number): Promise<string> {
  const secret = requireVariable(readDevVars(root), "JWT_SECRET");
  return new SignJWT({ sub: "asyncapi", ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("arbitragex-edge")
    .setAudience("arbitragex-edge")
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInSeconds)
    .sign(new TextEncoder().encode(secret));
}

const time = (): string => new Date().toISOString();

/** The least each kind of event must say. */
function dataOf(type: string): Record<string, unknown> {
  const [kind] = type.split(".");
  const timestamp = time();
  switch (kind) {
    case "opportunity":
      return opportunityJson({ id: "asyncapi" })["data"] as Record<string, unknown>;
    case "execution":
      return { execution_id: "x", opportunity_id: "o", chain: "base", status: "confirmed", created_at: timestamp };
    case "strategy":
      return { strategy_id: "s", name: "s", type: "t", is_active: true, parameters: {}, risk_limits: {}, last_modified: timestamp };
    case "market":
      return { profit: "1.5", success_rate: "0.5", latency_ms: 3, total_opportunities: 1, total_executions: 1, last_update: timestamp };
    case "metrics":
      return { metric_type: "m", value: "1", timestamp };
    case "system":
      return { level: "info", message: "m", timestamp };
    default:
      return { workflow_id: "w", status: "running", timestamp };
  }
}

let serial = 0;
async function post(types: readonly string[]): Promise<void> {
  const events = types.map((type) => ({
    specversion: "1.0",
    id: `asyncapi-${++serial}`,
    source: "e2e",
    type,
    time: time(),
    data: dataOf(type),
  }));
  const response = await fetch(`${edge.url}/api/events`, {
    method: "POST",
    headers: { "x-api-key": "dev-ingest-key-0001", "content-type": "application/json" },
    body: JSON.stringify(events.map((event) => ({ ...event, meta: { values: {} } }))),
  });
  expect(await response.json()).toMatchObject({ data: { accepted: types.length } });
}

/** Posts now and then until the condition holds. */
async function posting(type: string, condition: () => boolean): Promise<void> {
  await expect.poll(async () => (await post([type]), condition()), { timeout: patienceMs, interval: 250 }).toBe(true);
}

const eventNames = Object.keys(eventTypes).map((type) => type.replaceAll(".", "_"));
const streams = ["opportunities", "executions", "strategies", "market", "alerts", "metrics", "integration"];

/** What the document says, and nothing beside it. Event data is open by design: unknown fields are kept. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  return "properties" in inner && !("additionalProperties" in inner) ? { ...inner, additionalProperties: false } : inner;
}

function validators(): Map<string, ValidateFunction> {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ ...(strict(document) as object), $id: "document" });
  const names = Object.keys(document.components.messages);
  return new Map(names.map((name) => [name, ajv.compile({ $ref: `document#/components/messages/${name}/payload` })]));
}

function check(frames: readonly Frame[], names = validators()): Set<string> {
  for (const frame of frames) {
    const validate = names.get(frame.type);
    if (validate === undefined) throw new Error(`the document has no ${frame.type}`);
    expect(validate(frame), `${JSON.stringify(frame)}: ${JSON.stringify(validate.errors)}`).toBe(true);
  }
  return new Set(frames.map(({ type }) => type));
}

function sentOn(channel: string): string[] {
  const operations = Object.values(document.operations) as { action: string; channel: { $ref: string }; messages: { $ref: string }[] }[];
  const mine = operations.filter(({ action, channel: { $ref } }) => action === "send" && $ref === `#/channels/${channel}`);
  return mine.flatMap(({ messages }) => messages.map(({ $ref }) => $ref.split("/").at(-1) ?? ""));
}

it("is served as it is committed", () => {
  expect(document).toEqual(JSON.parse(readFileSync(join(root, "docs", "asyncapi.json"), "utf8")));
});

it("tells what a native socket is sent, type by type", async () => {
  const client = await new Client("/ws?batch=0").opened();
  client.say({ type: "authenticate", token: await sign({ role: "admin" }, 600), id: 1 });
  for (const channel of streams) client.say({ type: "subscribe", channel, id: channel, presence: channel === "alerts" });
  await client.has("subscribed", streams.length);
  await post(Object.keys(eventTypes));
  for (const type of eventNames) await client.has(type);
  const epoch = client.frames.find((frame) => frame.type === "opportunity_detected")?.["epoch"];
  // A filter that nothing matches: the position is all there is to tell.
  client.say({ type: "subscribe", channel: "opportunities", epoch, offset: 0, filters: { chain: "none" } });
  await client.has("position");
  client.say({ type: "history", channel: "opportunities", limit: 2, id: "h" });
  client.say({ type: "presence", channel: "opportunities", id: "p" });
  client.say({ type: "ping", timestamp: 1.5 });
  client.say({ type: "nothing" });
  client.say({ type: "unsubscribe", channel: "market", id: "u" });
  for (const type of ["history", "presence", "pong", "error", "unsubscribed"]) await client.has(type);
  const brief = await new Client(`/ws?token=${await sign({ role: "trader" }, 6)}`).opened();
  brief.say({ type: "subscribe", channel: "executions" });
  await brief.has("subscribed");
  // Told with the next event, or by the relay's renewal.
  await posting("execution.submitted", () => brief.frames.some(({ type }) => type === "token_expiring"));
  const batches = await new Client("/ws?batch=1").opened();
  batches.say({ type: "subscribe", channel: "opportunities", rewind: 3 });
  await batches.has("batch");
  const visitor = await new Client(`/ws?token=${await sign({ sub: "visitor", role: "trader" }, 600)}`).opened();
  visitor.say({ type: "subscribe", channel: "alerts" });
  await client.has("join");
  visitor.socket.close();
  // After the grace period, in which a reconnect is no leave.
  await client.has("leave");
  const seen = check([...client.frames, ...brief.frames, ...batches.frames]);
  expect(sentOn("socket").filter((name) => !seen.has(name))).toEqual(unseen);
  for (const { socket } of [client, brief, batches]) socket.close();
});

/** Legacy frames have their own test. */
const unseen = ["opportunity_new", "opportunity_update", "market_update"];

it("tells what the deployed frontend's socket is sent", async () => {
  const client = await new Client("/ws").opened();
  client.say({ type: "ping", timestamp: 7.25 });
  await client.has("pong");
  // Subscribed a moment after its first ping: events come until it has seen one of each.
  await expect
    .poll(
      async () => {
        await post(["opportunity.detected", "opportunity.updated", "market.updated"]);
        return ["opportunity_new", "opportunity_update", "market_update"].every((type) =>
          client.frames.some((frame) => frame.type === type),
        );
      },
      { timeout: patienceMs, interval: 200 },
    )
    .toBe(true);
  const seen = check(client.frames);
  expect([...seen].toSorted()).toEqual(["market_update", "opportunity_new", "opportunity_update", "pong", "welcome"]);
  client.socket.close();
});

it("tells what an event stream is sent", async () => {
  const frames: Frame[] = [];
  const names = sentOn("stream");
  const sources: EventSource[] = [];
  const follow = (path: string): void => {
    const source = new EventSource(`${edge.url}${path}`);
    sources.push(source);
    for (const name of names.filter((type) => type !== "error")) {
      source.addEventListener(name, ({ data }) => {
        const frame = JSON.parse(String(data)) as Frame;
        expect(frame.type).toBe(name);
        frames.push(frame);
      });
    }
  };
  const token = await sign({ role: "admin" }, 600);
  for (const channel of streams) follow(`/sse/${channel}?token=${token}`);
  follow(`/sse/executions?token=${await sign({ role: "trader" }, 3)}`);
  await until(() => frames.filter(({ type }) => type === "subscribed").length === streams.length + 1);
  await post(Object.keys(eventTypes));
  await until(() => eventNames.every((name) => frames.some(({ type }) => type === name)));
  // An expired token ends the stream when the relay next looks.
  await posting("execution.submitted", () => frames.some(({ type }) => type === "closed"));
  const seen = check(frames);
  expect(names.filter((name) => !seen.has(name))).toEqual(["unsubscribed", "error"]);
  for (const source of sources) source.close();
});
