import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { changeHub, rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, type Frame, type TestSocket } from "../../tests/support/sockets.ts";
import { quietEventsMin } from "./bounds.ts";
import { QuietViews, type QuietSpan, type QuietStore } from "./quiet.ts";

class MemoryStore implements QuietStore {
  readonly rows = new Map<string, QuietSpan>();
  writes = 0;
  quietSpans(): { view: string; span: QuietSpan }[] {
    return [...this.rows].map(([view, span]) => ({ view, span }));
  }
  saveQuiet(view: string, span: QuietSpan): void {
    this.rows.delete(view);
    this.rows.set(view, span);
    this.writes += 1;
  }
  dropQuiet(view: string): void {
    this.rows.delete(view);
    this.writes += 1;
  }
}

const bounds = { viewsMax: 2, eventsMin: 10 };
const at = (offset: number, epoch = "e"): { epoch: string; offset: number } => ({ epoch, offset });

describe("a position in a view that was left", () => {
  it.each([
    ["within its quiet span has missed nothing up to where it was left", "view", at(5), 90],
    ["just before it was left neither", "view", at(89), 90],
    ["before the span is not known about", "view", at(4), 4],
    ["after it is not known about", "view", at(91), 91],
    ["of another epoch is not known about", "view", at(7, "f"), 7],
    ["of another view is not known about", "other", at(7), 7],
  ])("%s", (_, view, since, expected) => {
    const store = new MemoryStore();
    new QuietViews(store, bounds).end("view", 5, at(90));
    // Read back, as after a restart.
    expect(new QuietViews(store, bounds).upTo(view, since)).toBe(expected);
  });
});

describe("what is kept", () => {
  it("leaves out spans that the log covers, and the views that were left first", () => {
    const store = new MemoryStore();
    const quiet = new QuietViews(store, bounds);
    quiet.end("short", 81, at(90));
    expect(store.writes).toBe(0);
    for (const view of ["a", "b", "a", "c"]) quiet.end(view, 5, at(90));
    expect([...store.rows.keys()]).toEqual(["a", "c"]);
  });

  it("of a view that is listened to is written once a quiet spell, and taken back when the view stirs", () => {
    const store = new MemoryStore();
    const quiet = new QuietViews(store, bounds);
    for (const offset of [6, 14, 15, 40, 90]) quiet.keep("view", 5, at(offset));
    expect(store.writes).toBe(1);
    expect(new QuietViews(store, bounds).prevOf("view", at(90))).toBe(5);
    expect(new QuietViews(store, bounds).prevOf("view", at(90, "f"))).toBe(90);
    quiet.keep("view", 91, at(91));
    expect(store.rows.size).toBe(0);
    expect(quiet.prevOf("view", at(91))).toBe(91);
  });
});

afterEach(() => changeHub(() => ({})));

async function settled(): Promise<void> {
  await vi.waitFor(async () => expect(await relayRows("SELECT stream FROM streams WHERE clean = 0")).toEqual([]), 5_000);
}

/** From now on the log holds nothing up to `top`. */
async function forgetLog(top: number): Promise<void> {
  await changeHub((real) => ({
    history: (request) => real.history({ ...request, since: Math.max(request.since, top) }).then((reply) => ({ ...reply, first: top + 1 })),
  }));
}

async function start(chain: string): Promise<{ socket: TestSocket; answer: Frame }> {
  const socket = await openSocket(`/ws/opportunities:${chain}`);
  return { socket, answer: await socket.next("subscribed") };
}

async function flood(count: number, chain: string): Promise<number> {
  const witness = await openSocket("/ws/opportunities?batch=1");
  await witness.next("subscribed");
  let last = 0;
  for (let left = count; left > 0; left -= 250)
    last = (await publish("opportunities", opportunities(Math.min(left, 250), { chain }))).offsets.at(-1) ?? 0;
  const holds = (frame: Frame): boolean => ((frame["frames"] as Frame[] | undefined) ?? [frame]).some(({ offset }) => offset === last);
  await witness.find(`offset ${last}`, holds);
  witness.close();
  await witness.closed;
  return last;
}

it.each([
  ["that nobody listened to meanwhile", "moonbeam", false],
  ["that another still listens to", "mantle", true],
])(
  "a client of a quiet view %s recovers through a restart of the relay, though the log no longer reaches back to it",
  async (_, chain, isHeard) => {
    const { socket, answer } = await start(chain);
    const other = isHeard ? await start(chain) : undefined;
    const position = `epoch=${String(answer["epoch"])}&offset=${String(answer["offset"])}`;
    const left = await flood(quietEventsMin, "base");
    socket.close();
    await socket.closed;
    await settled();
    await evictDurableObject(rawRelay());
    await forgetLog(left);
    const back = await openSocket(`/ws/opportunities:${chain}?${position}`);
    expect(await back.next("subscribed")).toMatchObject({ recovered: true, was_recovering: true, offset: answer["offset"] });
    expect(await back.next("position")).toMatchObject({ offset: left });
    const { offsets } = await publish("opportunities", opportunities(1, { chain }));
    const frame = await back.next("opportunity_detected");
    expect(frame["offset"]).toBe(offsets[0]);
    expect(Number(frame["prev"])).toBeLessThanOrEqual(left);
    back.close();
    other?.socket.close();
  },
);

it("a client of a view that stirred meanwhile does not", async () => {
  const { socket, answer } = await start("scroll");
  await publish("opportunities", opportunities(1, { chain: "scroll" }));
  await socket.next("opportunity_detected");
  const left = await flood(quietEventsMin, "base");
  socket.close();
  await socket.closed;
  await settled();
  await evictDurableObject(rawRelay());
  await forgetLog(left);
  const back = await openSocket(`/ws/opportunities:scroll?epoch=${String(answer["epoch"])}&offset=${String(answer["offset"])}`);
  expect(await back.next("subscribed")).toMatchObject({ recovered: false, was_recovering: true });
  back.close();
});
