/** Signed posts and the owner's webhook, from the request to the channel, to readers and to the log in R2. */
import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { sentEvent } from "../../tests/support/sent-events.ts";
import { app } from "../app.ts";

const secret = `whsec_${btoa("a test secret of at least twenty-four")}`;
const webhook = new Webhook(secret);
const variables = { ...env, WEBHOOK_SECRET: `${secret}, ${`whsec_${btoa("an older secret, still being rotated out")}`}` };
const encoder = new TextEncoder();

interface Sending {
  readonly path?: string;
  readonly id?: string;
  readonly headers?: Record<string, string>;
  readonly env?: Partial<Env>;
  readonly signedMs?: number;
}

async function send(body: string, sending: Sending = {}): Promise<Response> {
  const { path = "/api/webhook/contabo", id = "msg_1", signedMs = Date.now() } = sending;
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(signedMs / 1_000)),
    "webhook-signature": webhook.sign(id, new Date(signedMs), body),
    ...sending.headers,
  };
  return await app.request(path, { method: "POST", headers, body: encoder.encode(body) }, { ...variables, ...sending.env });
}

const status = (workflowId: string): string =>
  JSON.stringify({ eventType: "workflow_status_update", workflowId, agentId: "a1", data: { status: "running" } });

const ops = { headers: { "x-api-key": env.OPS_API_KEY } };

const down = {
  CHANNELS: { idFromName: (name: string) => name, get: () => ({ publish: async () => await Promise.reject(new Error("down")) }) },
  INBOX: { sendBatch: async () => await Promise.reject(new Error("down")) },
} as object;

it("answers 401 to a wrong signature, even beside a good key, and to none at all without one", async () => {
  const wrong = { "webhook-signature": "v1,AAAA", "x-api-key": "test-ingest-key-1" };
  expect((await send(status("w"), { headers: wrong })).status).toBe(401);
  const unsigned = await app.request("/api/webhook/contabo", { method: "POST", body: status("w") }, variables);
  expect(unsigned.status).toBe(401);
});

it("refuses a signed body that is compressed, too large or no UTF-8 with its own status", async () => {
  expect((await send(status("w"), { headers: { "content-encoding": "gzip" } })).status).toBe(415);
  expect((await send(" ".repeat(1_048_577))).status).toBe(413);
  expect((await send("{", { id: "bad" })).status).toBe(400);
});

it("accepts a retry after a 503, and answers a repeat after a 202 with 202 as a duplicate, whatever time it was signed at", async () => {
  const body = status("w-retry");
  const first = await send(body, { id: "msg_retry", env: down });
  expect([first.status, first.headers.get("retry-after")]).toEqual([503, expect.any(String)]);
  const retry = await send(body, { id: "msg_retry", signedMs: Date.now() + 5_000 });
  expect([retry.status, await retry.json()]).toMatchObject([202, { data: { accepted: 1, duplicates: 0 } }]);
  const repeat = await send(body, { id: "msg_retry", signedMs: Date.now() + 60_000 });
  expect([repeat.status, await repeat.json()]).toMatchObject([202, { data: { accepted: 0, duplicates: 1 } }]);
  const other = await send(body, { id: "msg_other" });
  expect(await other.json()).toMatchObject({ data: { accepted: 1, duplicates: 0 } });
});

it("takes signed CloudEvents at /api/events without a key, each by its own id", async () => {
  const event = JSON.stringify(sentEvent("system.alert"));
  expect(await (await send(event, { path: "/api/events", id: "msg_a" })).json()).toMatchObject({ data: { accepted: 1 } });
  expect(await (await send(event, { path: "/api/events", id: "msg_b" })).json()).toMatchObject({ data: { duplicates: 1 } });
});

it("takes the webhook by key as well, and names what it refuses beside what it takes", async () => {
  const envelopes = [JSON.parse(status("w-key")), { eventType: "workflow_exploded", workflowId: "w", data: {} }, JSON.parse(status(""))];
  const response = await app.request(
    "/api/webhook/contabo",
    {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": "test-ingest-key-1" },
      body: JSON.stringify(envelopes),
    },
    variables,
  );
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({
    data: {
      accepted: 1,
      rejected: [
        { index: 1, path: "eventType" },
        { index: 2, path: "workflowId" },
      ],
    },
  });
});

it("answers other methods with 405", async () => {
  expect((await app.request("/api/webhook/contabo", ops, variables)).status).toBe(405);
});

it("keeps what was sent in the log of R2, beside the canonical event, and shows it to no reader", async () => {
  const sent = {
    eventType: "system_alert",
    workflowId: "w",
    agentId: "a",
    data: { severity: "HIGH", message: "gas", timestamp: Date.now() },
  };
  const from = Date.now();
  await send(JSON.stringify(sent), { id: "msg_log" });
  const ask = async (path: string): Promise<Response> => await app.request(path, ops, variables);
  const logged = async (): Promise<{ event: Record<string, unknown> } | undefined> => {
    const text = await (await ask(`/ops/logs?stream=alerts&from=${new Date(from - 60_000).toISOString()}`)).text();
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as { event: Record<string, unknown> }).find(({ event }) => event["id"] === "msg_log-0");
  };
  await vi.waitFor(async () => expect(await logged()).toBeDefined(), { timeout: 20_000, interval: 250 });
  const event = (await logged())?.event;
  expect(event).toMatchObject({ type: "system.alert", source: "contabo/alert", data: { level: "warning", message: "gas" } });
  expect(JSON.parse(String(event?.["original"]))).toEqual(sent);

  const history = await (await ask("/api/channels/alerts/history")).text();
  expect(history).toContain("msg_log-0");
  expect(history).not.toContain("original");
  expect((await channelStub(env, "alerts").status({ v: 1, stream: "alerts" })).top).toBeGreaterThan(0);
});
