/** The CloudEvents SDK and standardwebhooks from npm, unmodified, against the running edge. */
import { CloudEvent, HTTP, Mode, emitterFor, type Message } from "cloudevents";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { opportunityData } from "../support/sent-events.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

interface Answer {
  readonly status: number;
  readonly data: { accepted: number; duplicates: number; rejected: unknown[] } | undefined;
  readonly error?: { code: string; message: string; details?: unknown };
}

async function post(headers: Readonly<Record<string, string>>, body: string, path = "/api/events"): Promise<Answer> {
  const response = await fetch(`${edge.url}${path}`, { method: "POST", headers: { ...headers }, body });
  return { status: response.status, ...((await response.json()) as Omit<Answer, "status">) };
}

/** What the SDK's own emitter hands to its transport, with our key beside it. */
async function emit(event: CloudEvent<unknown>, mode: Mode): Promise<Answer> {
  let answer: Answer | undefined;
  const transport = async (message: Message): Promise<void> => {
    answer = await post({ ...(message.headers as Record<string, string>), "x-api-key": "dev-ingest-key-0001" }, String(message.body));
  };
  await emitterFor(transport, { binding: HTTP, mode })(event);
  if (answer === undefined) throw new Error("the SDK sent nothing");
  return answer;
}

function event(id: string, over: Record<string, unknown> = {}): CloudEvent<unknown> {
  const data = opportunityData({ opportunity_id: `o-${id}` });
  return new CloudEvent({ id, source: "contabo/sdk", type: "opportunity.detected", data, comexampleextension: "kept", ...over });
}

interface Entry {
  readonly event: Record<string, unknown>;
}

async function history(channel: string): Promise<Entry["event"][]> {
  const response = await fetch(`${edge.url}/api/channels/${channel}/history?limit=1000`, { headers: { "x-api-key": "dev-ops-key-0001" } });
  return ((await response.json()) as { data: { events: Entry[] } }).data.events.map((entry) => entry.event);
}

const taken = { status: 202, data: { accepted: 1, duplicates: 0, rejected: [] } };
const repeated = { status: 202, data: { accepted: 0, duplicates: 1, rejected: [] } };

it.each([
  ["binary", Mode.BINARY],
  ["structured", Mode.STRUCTURED],
])("the SDK posts in %s mode: taken once, known again, extensions and time kept", async (name, mode) => {
  const sent = event(`sdk-${name}`);
  expect(await emit(sent, mode)).toMatchObject(taken);
  expect(await emit(sent, mode)).toMatchObject(repeated);
  const found = (await history("opportunities")).find(({ id }) => id === sent.id);
  expect(found).toMatchObject({
    source: "contabo/sdk",
    comexampleextension: "kept",
    time: sent.time,
    data: { opportunity_id: `o-${sent.id}` },
  });
});

it("the SDK's events post as a batch, and one that is bad is named beside those that are taken", async () => {
  const [first, bad, last] = [event("sdk-b1"), event("sdk-b2", { data: opportunityData({ risk_score: 11 }) }), event("sdk-b3")];
  const headers = { "content-type": "application/cloudevents-batch+json", "x-api-key": "dev-ingest-key-0001" };
  expect(await post(headers, JSON.stringify([first, bad, last]))).toMatchObject({
    status: 202,
    data: { accepted: 2, duplicates: 0, rejected: [{ index: 1, id: "sdk-b2", path: "data.risk_score" }] },
  });
});

it("the same event is one, whichever mode carried it", async () => {
  const sent = event("sdk-modes");
  expect(await emit(sent, Mode.BINARY)).toMatchObject(taken);
  expect(await emit(sent, Mode.STRUCTURED)).toMatchObject(repeated);
});

it("refuses what the SDK sends of another version or type, by name", async () => {
  expect(await emit(event("sdk-type", { type: "com.example.someevent" }), Mode.BINARY)).toMatchObject({
    status: 422,
    error: { details: { rejected: [{ index: 0, id: "sdk-type", path: "type" }] } },
  });
  const old = new CloudEvent({ ...event("sdk-old").toJSON(), specversion: "0.3" } as ConstructorParameters<typeof CloudEvent>[0], false);
  const message = HTTP.structured(old);
  const answer = await post({ ...(message.headers as Record<string, string>), "x-api-key": "dev-ingest-key-0001" }, String(message.body));
  expect(answer).toMatchObject({ status: 422, error: { details: { rejected: [{ path: "specversion" }] } } });
});

it("standardwebhooks signs what needs no key: once, again as a repeat, and not with another secret", async () => {
  const body = JSON.stringify({ eventType: "workflow_completed", workflowId: "w-e2e", agentId: "a-e2e", data: { message: "é" } });
  const sign = (secret: string): Record<string, string> => ({
    "content-type": "application/json",
    "webhook-id": "msg_e2e",
    "webhook-timestamp": String(Math.floor(Date.now() / 1_000)),
    "webhook-signature": new Webhook(secret).sign("msg_e2e", new Date(), body),
  });
  const secret = `whsec_${btoa("dev-webhook-secret-not-for-production-0001")}`;
  expect(await post(sign(`whsec_${btoa("some other secret of 24 bytes")}`), body, "/api/webhook/contabo")).toMatchObject({ status: 401 });
  expect(await post(sign(secret), body, "/api/webhook/contabo")).toMatchObject(taken);
  expect(await post(sign(secret), body, "/api/webhook/contabo")).toMatchObject(repeated);
  expect((await history("integration")).find(({ id }) => id === "msg_e2e-0")).toMatchObject({
    type: "workflow.completed",
    subject: "w-e2e",
    data: { status: "completed", message: "é", agent_id: "a-e2e" },
  });
});
