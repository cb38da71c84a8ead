import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { Filters } from "../../channels/filter.ts";
import type { filterParameters } from "../../schemas/sse.ts";
import { rawRelay } from "../../tests/support/relays.ts";
import { opportunities, opportunity, publish, token } from "../../tests/support/sockets.ts";
import { app } from "../app.ts";

function ask(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return Promise.resolve(app.request(`https://edge.test${path}`, { headers }, env));
}

interface Block {
  readonly id?: string;
  readonly event?: string;
  readonly data?: Record<string, unknown>;
}

/** Reads blocks as they come; retry lines and comments are skipped. */
class Stream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(response: Response) {
    if (response.body === null) throw new Error("no body");
    this.#reader = response.body.getReader();
  }

  async next(): Promise<Block> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const fields = Object.fromEntries([...block.matchAll(/^(id|event|data): (.*)$/gm)].map(([, name, value]) => [name, value]));
        if (Object.keys(fields).length > 0)
          return { ...fields, ...(fields["data"] === undefined ? {} : { data: JSON.parse(fields["data"]) as Record<string, unknown> }) };
        continue;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the stream ended");
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

it("takes every filter there is", () => {
  expectTypeOf<keyof typeof filterParameters>().toEqualTypeOf<keyof Filters>();
});

describe("what is refused never starts a stream", () => {
  it.each<[number, string, string, string | undefined]>([
    [404, "NOT_FOUND", "/sse/nothing", undefined],
    [404, "NOT_FOUND", "/sse/market:base", undefined],
    [401, "UNAUTHORIZED", "/sse/executions", undefined],
    [401, "UNAUTHORIZED", "/sse/executions?token=x", undefined],
    [401, "UNAUTHORIZED", "/sse/opportunities?token=x", undefined],
    [400, "INVALID_PARAMETERS", "/sse/opportunities?colour=red", "colour"],
    [400, "INVALID_PARAMETERS", "/sse/opportunities?chain=", "chain"],
    [400, "INVALID_PARAMETERS", "/sse/opportunities?min_profit=much", "min_profit"],
    [400, "INVALID_PARAMETERS", "/sse/opportunities?last_event_id=5", "last_event_id"],
  ])("%i %s for %s", async (status, code, path, parameter) => {
    const response = await ask(path);
    const body = await response.json<{ error: { code: string; details?: { parameter: string } } }>();
    expect([response.status, body.error.code, body.error.details?.parameter]).toEqual([status, code, parameter]);
    expect(response.headers.get("content-type")).toContain("application/json");
  });

  it("403 for a token that is not enough, 401 for one that has expired, by header or parameter", async () => {
    const narrow = await token({ claims: { sub: "u", channels: { market: ["subscribe"] } } });
    const old = await token({ expiresInSeconds: -5 });
    const answers = [
      ask("/sse/executions", { authorization: `Bearer ${narrow}` }),
      ask(`/sse/executions?token=${narrow}`),
      ask("/sse/executions", { authorization: `Bearer ${old}` }),
      ask(`/sse/executions?token=${old}`),
    ];
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([403, 403, 401, 401]);
  });
});

it("answers HEAD with the headers of a stream that no cache or proxy holds back, and opens none", async () => {
  const response = await app.request("https://edge.test/sse/opportunities", { method: "HEAD" }, env);
  const { headers } = response;
  expect([response.status, headers.get("content-type"), headers.get("cache-control"), headers.get("x-accel-buffering")]).toEqual([
    200,
    "text/event-stream; charset=utf-8",
    "no-store, no-transform",
    "no",
  ]);
  expect(await response.text()).toBe("");
});

it("streams events live, and gives exactly what was missed to a reader that names its last id", async () => {
  const live = new Stream(await ask("/sse/opportunities"));
  expect(await live.next()).toMatchObject({ event: "subscribed", data: { recovered: false, was_recovering: false } });
  const [first] = (await publish("opportunities", opportunities(1))).offsets;
  const seen = await live.next();
  expect(seen).toMatchObject({ event: "opportunity_detected", data: { offset: first, channel: "opportunities" } });
  await live.close();

  const missed = (await publish("opportunities", opportunities(3))).offsets;
  const again = new Stream(await ask("/sse/opportunities?last_event_id=other:9", { "last-event-id": seen.id ?? "" }));
  expect(await again.next()).toMatchObject({ event: "subscribed", id: seen.id, data: { recovered: true, was_recovering: true } });
  for (const offset of missed) expect(await again.next()).toMatchObject({ data: { offset } });
  await again.close();
});

it("keeps no relay awake: one that was put to sleep under an open stream goes on with the next event", async () => {
  const stream = new Stream(await ask("/sse/opportunities"));
  await stream.next();
  await evictDurableObject(rawRelay());
  const { offsets } = await publish("opportunities", opportunities(1));
  expect(await stream.next()).toMatchObject({ event: "opportunity_detected", data: { offset: offsets[0] } });
  await stream.close();
});

it("says so when it cannot give what was missed, and goes on from the present", async () => {
  const { epoch } = await publish("opportunities", opportunities(1));
  const stream = new Stream(await ask("/sse/opportunities?last_event_id=gone:3"));
  const block = await stream.next();
  expect(block).toMatchObject({ event: "subscribed", data: { epoch, recovered: false, was_recovering: true } });
  expect(block.id).toBe(`${epoch}:${String(block.data?.["offset"])}`);
  await stream.close();
});

it("leaves out what its filters leave out, and moves its reader on all the same", async () => {
  const { epoch, offsets } = await publish("opportunities", opportunities(1));
  const from = `${epoch}:${offsets[0]}`;
  await publish("opportunities", [
    opportunity({ id: crypto.randomUUID(), data: { chain: "base" } }),
    opportunity({ id: crypto.randomUUID(), data: { estimated_profit: "1" } }),
  ]);
  const { offsets: last } = await publish("opportunities", [
    opportunity({ id: crypto.randomUUID(), data: { estimated_profit: "90.5", risk_score: 2 } }),
    opportunity({ id: crypto.randomUUID(), data: { risk_score: 9 } }),
  ]);
  const stream = new Stream(await ask(`/sse/opportunities?chain=arbitrum&min_profit=24&max_risk=3&last_event_id=${from}`));
  expect(await stream.next()).toMatchObject({ event: "subscribed", data: { recovered: true } });
  expect(await stream.next()).toMatchObject({ event: "opportunity_detected", data: { data: { estimated_profit: "90.5" } } });
  expect(await stream.next()).toEqual({ id: `${epoch}:${last[1]}` });
  await stream.close();
});

it("reads a channel that is not public with a token", async () => {
  const stream = new Stream(await ask(`/sse/executions?token=${await token()}`));
  expect(await stream.next()).toMatchObject({ event: "subscribed", data: { channel: "executions" } });
  await stream.close();
});

it("ends with the reason when its token runs out while it streams", async () => {
  const stream = new Stream(await ask(`/sse/opportunities?token=${await token({ expiresInSeconds: 2 })}`));
  expect(await stream.next()).toMatchObject({ event: "subscribed" });
  let block: Block = {};
  while (block.event !== "closed") {
    await publish("opportunities", opportunities(1));
    block = await stream.next();
  }
  expect(block.data).toMatchObject({ code: 4009 });
  await expect(stream.next()).rejects.toThrow("the stream ended");
});
