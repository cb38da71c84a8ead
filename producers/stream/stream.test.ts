import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { closedBreaker } from "../../platform/breaker.ts";
import type { Breaker } from "../../platform/breaker.ts";
import { streamHoldMs, streamLineBytesMax, streamLinesMax, streamUnflushedBytesMax } from "../../schemas/limits.ts";
import type { Publication, PublishReply } from "../../schemas/rpc.ts";
import { sentEvent } from "../../tests/support/sent-events.ts";
import type { Flow } from "../ingest/admission.ts";
import type { Parking } from "../ingest/backlog.ts";
import type { Delivery } from "../ingest/publish.ts";
import { overQuota } from "../quota/quota.ts";
import { Answer } from "./answer.ts";
import type { StreamDeps } from "./deliver-batch.ts";
import { runStream, type StreamReport } from "./stream.ts";

type Channel = (stream: string, events: readonly Publication[]) => Promise<PublishReply>;

/** Channels that know what they were given, unless told otherwise, and a clock that waiting moves. */
class World implements StreamDeps {
  readonly breakers = new Map<string, Breaker>();
  readonly flows = new Map<string, Flow>();
  readonly publishTimeoutMs = 15;
  readonly sendTimeoutMs = 15;
  readonly known = new Set<string>();
  readonly calls: string[][] = [];
  readonly waits: number[] = [];
  readonly reservations: number[] = [];
  readonly parkedBatches: (readonly string[])[] = [];
  clockMs = Date.now();
  inFlight = 0;
  inFlightMax = 0;
  channel: Channel = async (stream, events) => this.accept(stream, events);
  inbox: () => Promise<void> = async () => undefined;
  quota: number[] = [];

  accept(_: string, events: readonly Publication[]): PublishReply {
    const duplicates = events.flatMap(({ key }, index) => (this.known.has(key) ? [index] : []));
    for (const { key } of events) this.known.add(key);
    return { v: 1, kind: "ok", epoch: "e", offsets: events.map((__, index) => index), duplicates };
  }

  async publish(stream: string, events: readonly Publication[]): Promise<PublishReply> {
    this.calls.push(events.map(({ text }) => (JSON.parse(text) as { id: string }).id));
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    try {
      return await this.channel(stream, events);
    } finally {
      this.inFlight -= 1;
    }
  }

  async send(bodies: readonly string[]): Promise<void> {
    await this.inbox();
    this.parkedBatches.push(bodies);
  }

  async parking(): Promise<Parking> {
    return { kind: "open" };
  }

  async wait(delayMs: number): Promise<void> {
    this.waits.push(delayMs);
    this.clockMs += delayMs;
  }

  charge(): void {}

  reserve(events: number): number {
    this.reservations.push(events);
    return this.quota.shift() ?? 0;
  }

  overQuota(waitMs: number): AppError {
    return overQuota({ eventsPerSecond: 100, burstEvents: 100 }, waitMs);
  }

  nowMs(): number {
    return this.clockMs;
  }

  report(): void {}
}

const encoder = new TextEncoder();
const full: PublishReply = { v: 1, kind: "full", retryAfterMs: 5_000 };
const lineOf = (event: unknown): string => `${JSON.stringify(event)}\n`;
const opportunity = (): { id: string } => sentEvent("opportunity.detected");

async function* bodyOf(...parts: (string | Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield typeof part === "string" ? encoder.encode(part) : part;
  }
}

type Verdict = Readonly<Record<string, unknown>>;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

async function run(
  body: AsyncGenerator<Uint8Array>,
  world = new World(),
  delivery: Delivery = "live",
): Promise<{ verdicts: Verdict[]; last: Verdict; report: StreamReport }> {
  const answer = new Answer();
  const reading = new Response(answer.body).text();
  const report = await runStream(body, answer, { delivery, traceparent: undefined, deps: world });
  const lines = (await reading)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Verdict);
  return { verdicts: lines.slice(0, -1), last: lines.at(-1) ?? {}, report };
}

describe("bad lines", () => {
  it("are refused one by one, each by its number as an editor counts, and their neighbours go through", async () => {
    const [a, b] = [opportunity(), opportunity()];
    const tooLong = `{"id":"${"x".repeat(streamLineBytesMax)}"}\n`;
    const { verdicts, last } = await run(
      bodyOf(lineOf(a), "\n", "{oops\n", tooLong, new Uint8Array([0x22, 0xff, 0x22, 0x0a]), "\r\n", lineOf({ id: "x" }), lineOf(b)),
    );
    expect(verdicts).toEqual([
      { line: 1, id: a.id, status: "accepted" },
      { line: 3, status: "rejected", code: "INVALID_PARAMETERS", message: "the line is not valid JSON" },
      { line: 4, status: "rejected", code: "PAYLOAD_TOO_LARGE", message: `the line is longer than ${streamLineBytesMax} bytes` },
      { line: 5, status: "rejected", code: "INVALID_PARAMETERS", message: "the line is not valid UTF-8" },
      expect.objectContaining({ line: 7, status: "rejected", code: "INVALID_PARAMETERS", path: expect.any(String) }),
      { line: 8, id: b.id, status: "accepted" },
    ]);
    expect(last).toEqual({ summary: { accepted: 2, duplicates: 0, rejected: 4, lines: 8 } });
  });

  it("the last one without its newline is refused when it is cut short, taken when it is whole", async () => {
    const [a, b] = [opportunity(), opportunity()];
    const cut = await run(bodyOf(lineOf(a), JSON.stringify(b).slice(0, -9)));
    expect(cut.verdicts[1]).toMatchObject({ line: 2, status: "rejected", message: expect.stringContaining("cut short") });
    expect(cut.last).toEqual({ summary: { accepted: 1, duplicates: 0, rejected: 1, lines: 2 } });
    expect((await run(bodyOf(lineOf(a), JSON.stringify(b)))).last).toMatchObject({ summary: { accepted: 2, lines: 2 } });
  });

  it.each(["", "\n\n"])("a body of %j holds none and is summed up as such", async (body) => {
    const { verdicts, last } = await run(bodyOf(body));
    expect(verdicts).toEqual([]);
    expect(last).toEqual({ summary: { accepted: 0, duplicates: 0, rejected: 0, lines: body.length } });
  });

  it("more than a stream takes end it by the number of the first that was not looked at", async () => {
    const { verdicts, last } = await run(bodyOf(lineOf(opportunity()), ...("1\n".repeat(streamLinesMax).match(/(?:1\n){1,30000}/g) ?? [])));
    expect(last).toEqual({
      error: { code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining(String(streamLinesMax)), line: verdicts.length + 1 },
    });
    expect(verdicts[0]).toMatchObject({ line: 1, status: "accepted" });
    // As long as a test with bindings may take: it reads some hundred thousand lines.
  }, 30_000);
});

describe("a body that does not come to its end", () => {
  it("has its whole lines delivered and answered before the fault is told, and the open one named", async () => {
    const events = [opportunity(), opportunity()];
    const gone = new AppError("INVALID_PARAMETERS", "the body ended before it was complete");
    const world = new World();
    const { verdicts, last, report } = await run(bodyOf(...events.map(lineOf), '{"id":"half', gone), world);
    expect(verdicts.map(({ line, status }) => [line, status])).toEqual([
      [1, "accepted"],
      [2, "accepted"],
    ]);
    expect(last).toEqual({ error: { code: "INVALID_PARAMETERS", message: gone.message, line: 3 } });
    expect(report.fault).toBe(gone);
    expect(world.known.size).toBe(2);
  });

  it("for a reason of our own is told without its text", async () => {
    const { last } = await run(bodyOf(lineOf(opportunity()), new Error("secret")));
    expect(last).toEqual({ error: { code: "INTERNAL", message: "something went wrong on our side", line: 2 } });
  });
});

describe("a channel that does not take it", () => {
  it("holds the stream: the body is not read beyond the bound, however much there is", async () => {
    const world = new World();
    const release = Promise.withResolvers<void>();
    const stuck = Promise.withResolvers<void>();
    world.channel = async (stream, events) => {
      stuck.resolve();
      await release.promise;
      return world.accept(stream, events);
    };
    // Longer than the test: the channel is slow, not silent.
    Object.assign(world, { publishTimeoutMs: 60_000 });
    let readBytes = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      const chunk = encoder.encode(Array.from({ length: 150 }, () => lineOf(opportunity())).join(""));
      for (let n = 0; n < 100; n += 1) {
        readBytes += chunk.byteLength;
        yield encoder.encode(Array.from({ length: 150 }, () => lineOf(opportunity())).join(""));
      }
    }
    const running = run(endless(), world);
    await stuck.promise;
    // Reading goes on without timers: after one turn of the event loop all is read that can be read without the channel.
    await turn();
    const readWhileStuck = readBytes;
    release.resolve();
    const { report, last } = await running;
    expect(readWhileStuck).toBeGreaterThan(streamUnflushedBytesMax / 2);
    // One chunk waits for room.
    expect(readWhileStuck).toBeLessThanOrEqual(streamUnflushedBytesMax + readBytes / 50);
    expect(report.unflushedBytesPeak).toBeLessThanOrEqual(streamUnflushedBytesMax);
    expect(last).toEqual({ summary: { accepted: 15_000, duplicates: 0, rejected: 0, lines: 15_000 } });
    expect(world.inFlightMax).toBe(1);
    expect(Math.max(...world.calls.map((ids) => ids.length))).toBeLessThanOrEqual(1_000);
  });

  it("because it is full is asked again with what is lacking, in order, and loses and doubles nothing", async () => {
    const world = new World();
    let refusals = 3;
    world.channel = async (stream, events) => (stream === "opportunities" && refusals-- > 0 ? full : world.accept(stream, events));
    const [a, b, c] = [opportunity(), sentEvent("execution.submitted"), opportunity()];
    const { verdicts, last } = await run(bodyOf([a, b, c, a].map(lineOf).join("")), world);
    expect(verdicts.map(({ id, status }) => [id, status])).toEqual([
      [a.id, "accepted"],
      [b.id, "accepted"],
      [c.id, "accepted"],
      [a.id, "duplicate"],
    ]);
    expect(last).toEqual({ summary: { accepted: 3, duplicates: 1, rejected: 0, lines: 4 } });
    expect(world.waits).toEqual([5_000, 5_000, 5_000]);
    expect(world.calls.filter((ids) => ids.includes(b.id))).toHaveLength(1);
    expect(world.calls.at(-1)).toEqual([a.id, c.id]);
  });

  it("and stays full ends the stream by the first line that is not durable, with the time to come back", async () => {
    const world = new World();
    const [a, b] = [opportunity(), opportunity()];
    async function* body(): AsyncGenerator<Uint8Array> {
      yield encoder.encode(lineOf(a));
      while (world.known.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      world.channel = async () => full;
      yield encoder.encode(`\n${lineOf(b)}`);
    }
    const { verdicts, last } = await run(body(), world);
    expect(verdicts).toEqual([{ line: 1, id: a.id, status: "accepted" }]);
    expect(last).toEqual({ error: { code: "CAPACITY_EXCEEDED", message: expect.any(String), line: 2, retry_after: 5 } });
    expect(world.waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(streamHoldMs);
    expect(world.waits.length).toBeGreaterThan(1);
  });

  it("nor the inbox: waits, goes on when one of them is back, and says duplicate of what had landed", async () => {
    const world = new World();
    world.channel = async (stream, events) => {
      world.accept(stream, events);
      throw new Error("the answer was lost");
    };
    world.inbox = async () => {
      if (world.waits.length === 1) world.channel = async (stream, events) => world.accept(stream, events);
      throw new Error("queue is down");
    };
    const event = opportunity();
    const { verdicts } = await run(bodyOf(lineOf(event)), world);
    expect(verdicts).toEqual([{ line: 1, id: event.id, status: "duplicate" }]);
    expect(world.waits).toEqual([2_000, 2_000]);
  });

  it("nor the inbox, for good: outcome unknown from that line on", async () => {
    const world = new World();
    world.channel = async () => await Promise.reject(new Error("down"));
    world.inbox = async () => await Promise.reject(new Error("down"));
    const { verdicts, last } = await run(bodyOf(lineOf(opportunity())), world);
    expect(verdicts).toEqual([]);
    expect(last).toEqual({
      error: { code: "UPSTREAM_UNAVAILABLE", message: expect.stringMatching(/unknown.*safe/), line: 1, retry_after: 2 },
    });
  });

  it("in time has its events parked: they are accepted", async () => {
    const world = new World();
    world.breakers.set("opportunities", closedBreaker);
    world.channel = async () => await new Promise(() => undefined);
    const { last } = await run(bodyOf(lineOf(opportunity()), lineOf(opportunity())), world);
    expect(last).toMatchObject({ summary: { accepted: 2 } });
    expect(world.parkedBatches.flat()).not.toEqual([]);
  });
});

describe("a sender", () => {
  it("past its quota is waited for, not refused", async () => {
    const world = new World();
    world.quota = [400, 100];
    expect((await run(bodyOf(lineOf(opportunity())), world)).last).toMatchObject({ summary: { accepted: 1 } });
    expect(world.waits).toEqual([400, 100]);
    expect(world.reservations).toEqual([1, 1, 1]);
  });

  it("whose quota others of its key use up is told the limit", async () => {
    const world = new World();
    world.quota = Array.from({ length: 100 }, () => 10_000);
    const { last } = await run(bodyOf(lineOf(opportunity())), world);
    expect(last).toEqual({
      error: { code: "RATE_LIMIT_EXCEEDED", message: expect.stringContaining("events a second"), line: 1, retry_after: 10 },
    });
  });

  it("that sends slowly hears of each line before it sends the next", async () => {
    const world = new World();
    const answer = new Answer();
    const reader = answer.body.getReader();
    const [a, b] = [opportunity(), opportunity()];
    async function* body(): AsyncGenerator<Uint8Array> {
      for (const event of [a, b]) {
        yield encoder.encode(lineOf(event));
        const { value } = await reader.read();
        expect(new TextDecoder().decode(value)).toContain(event.id);
      }
    }
    const done = runStream(body(), answer, { delivery: "live", traceparent: undefined, deps: world });
    expect(await done).toMatchObject({ accepted: 2, lines: 2 });
    expect(world.calls).toEqual([[a.id], [b.id]]);
  });

  it("that goes away has delivered what was read, and is asked for no more", async () => {
    const world = new World();
    const answer = new Answer();
    let asked = 0;
    async function* body(): AsyncGenerator<Uint8Array> {
      for (; asked < 1_000; asked += 1) {
        yield encoder.encode(lineOf(opportunity()));
        if (asked === 2) await answer.body.cancel();
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
    const report = await runStream(body(), answer, { delivery: "live", traceparent: undefined, deps: world });
    expect(report.fault?.message).toBe("the answer was not read");
    expect(asked).toBeLessThan(1_000);
    expect(world.known.size).toBe(report.accepted);
  });
});

it("says of each event what the channel says, over many batches and streams, in the order of the lines", async () => {
  const events = Array.from({ length: 5_000 }, (_, n) => sentEvent(n % 3 === 0 ? "execution.submitted" : "opportunity.detected"));
  const text = events.map(lineOf).join("");
  const world = new World();
  const first = await run(bodyOf(text), world);
  expect(first.verdicts).toEqual(events.map(({ id }, index) => ({ line: index + 1, id, status: "accepted" })));
  const second = await run(bodyOf(text), world);
  expect(second.last).toEqual({ summary: { accepted: 0, duplicates: 5_000, rejected: 0, lines: 5_000 } });
});

it("names an id as it stands in the event, whatever is in it", async () => {
  const event = sentEvent("opportunity.detected", { id: 'a"\\é\u2028/😀' });
  expect((await run(bodyOf(lineOf(event)))).verdicts).toEqual([{ line: 1, id: event.id, status: "accepted" }]);
});
