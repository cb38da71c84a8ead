import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { publication } from "../../tests/support/publications.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { directRelaysMax, forwardMax } from "../../schemas/limits.ts";
import type { DeliverRequest } from "../../schemas/rpc.ts";
import { eventsOf } from "../../schemas/row.ts";
import { channelStub } from "../stubs.ts";
import { planCalls } from "./fanout.ts";
import type { Sender } from "./sender.ts";

afterEach(() => setFaults({}));

const now = 1_764_000_000_000;
const standing = { top: 100, first: 1, now };

function sender(relay: string, over: Partial<Sender> = {}): Sender {
  return { relay, generation: 1, position: 90, inFlight: false, failures: 0, retryAt: 0, leaseEndsAt: now + 90_000, ...over };
}

function senders(count: number, region: string, over: Partial<Sender> = {}): Sender[] {
  return Array.from({ length: count }, (_, shard) => sender(`relay:${region}:${shard}`, over));
}

const names = (members: readonly Sender[]): string[] => members.map(({ relay }) => relay);

it("calls a few relays one by one", () => {
  const { calls } = planCalls(senders(directRelaysMax, "weur"), standing);
  expect(calls).toHaveLength(directRelaysMax);
  for (const { members, after } of calls) expect([members.length, after]).toEqual([1, 90]);
});

it("calls one relay per region once there are more, from the hindmost on", () => {
  const [head, ...rest] = senders(20, "weur");
  if (head === undefined) throw new Error("no sender");
  const all = [head, ...rest.map((one) => ({ ...one, position: 95 })), ...senders(13, "enam")];
  const { calls } = planCalls(all, standing);
  expect(calls.map(({ members, after }) => [members[0].relay, members.length, after])).toEqual([
    ["relay:weur:0", 20, 90],
    ["relay:enam:0", 13, 90],
  ]);
});

it("lets no relay carry for more than its share", () => {
  const { calls } = planCalls(senders(70, "weur"), standing);
  expect(calls.map(({ members }) => members.length)).toEqual([forwardMax + 1, forwardMax + 1, 4]);
});

it.each([
  ["did not answer", { failures: 1 }, 90],
  ["must be told of a jump", { position: 3 }, 3],
  ["is unknown after a restart", { position: undefined }, undefined],
] as const)("calls a relay alone that %s, and never lets it carry", (_, over, after) => {
  const odd = sender("relay:weur:99", over);
  const { calls } = planCalls([odd, ...senders(40, "weur")], { ...standing, first: 50 });
  expect(calls.find(({ members }) => members.includes(odd))).toEqual({ members: [odd], after });
  expect(calls.map(({ members }) => members.length).toSorted()).toEqual([1, forwardMax + 1, 40 - forwardMax - 1].toSorted());
});

it("starts no second call in a region, unless what is under way there is a relay that failed", () => {
  const idle = senders(39, "weur");
  const carried = sender("relay:weur:99", { inFlight: true });
  expect(planCalls([carried, ...idle], standing).calls).toEqual([]);
  const failing = sender("relay:weur:99", { inFlight: true, failures: 2 });
  expect(planCalls([failing, ...idle], standing).calls.flatMap(({ members }) => names(members))).toEqual(names(idle));
});

it("says when the first of those that failed may be tried again", () => {
  const behind = [sender("relay:weur:0", { failures: 1, retryAt: now + 9 }), sender("relay:weur:1", { failures: 1, retryAt: now + 5 })];
  expect(planCalls(behind, standing)).toEqual({ calls: [], wakeAt: now + 5 });
});

// ---- the hub at work

const relays = ["weur", "enam", "apac"].flatMap((region) => Array.from({ length: 14 }, (_, shard) => `relay:${region}:${shard}`));

/** Relays that keep the protocol, reached by the hub or by each other. */
class Fakes {
  readonly calls: string[] = [];
  readonly positions = new Map<string, number>();
  readonly offsets = new Map<string, number[]>();
  dead = new Set<string>();

  take(relay: string, { prev, rows }: DeliverRequest): { v: 1; kind: "at"; position: number } {
    const position = this.positions.get(relay) ?? 0;
    const fresh = prev > position ? [] : rows.flatMap(eventsOf).filter(({ offset }) => offset > position);
    this.offsets.set(relay, [...(this.offsets.get(relay) ?? []), ...fresh.map(({ offset }) => offset)]);
    this.positions.set(relay, fresh.at(-1)?.offset ?? position);
    return { v: 1, kind: "at", position: this.positions.get(relay) ?? 0 };
  }

  install(): void {
    setFaults({
      queue: async () => undefined,
      deliver: async (relay, request) => {
        this.calls.push(relay);
        if (this.dead.has(relay)) throw new Error("dead");
        return this.take(relay, request);
      },
      forward: async (relay, { request, to }) => {
        this.calls.push(`${relay}+${to.length}`);
        if (this.dead.has(relay)) throw new Error("dead");
        const forwarded = to.map((one) => (this.dead.has(one.relay) ? null : this.take(one.relay, request)));
        return { v: 1, own: this.take(relay, request), forwarded };
      },
    });
  }
}

async function publish(stream: string, id: string): Promise<number> {
  const reply = await channelStub(env, stream).publish({ v: 1, stream, lane: "live", events: [publication({ id })] });
  return reply.kind === "ok" ? (reply.offsets[0] ?? 0) : 0;
}

it("reaches 42 relays in three regions by three calls a publish, in order, and goes round a carrier that dies", async () => {
  const stream = "alerts";
  const fakes = new Fakes();
  fakes.install();
  for (const relay of relays) {
    const { top } = await channelStub(env, stream).interest({ v: 1, stream, relay, generation: 1 });
    fakes.positions.set(relay, top);
  }
  const offsets = [await publish(stream, "tree-1")];
  const allAt = (offset: number): void => expect([...new Set(fakes.positions.values())]).toEqual([offset]);
  await vi.waitFor(() => allAt(offsets[0] ?? 0));
  expect(fakes.calls.toSorted()).toEqual(["relay:apac:0+13", "relay:enam:0+13", "relay:weur:0+13"]);
  fakes.dead.add("relay:enam:0");
  offsets.push(await publish(stream, "tree-2"));
  await vi.waitFor(
    () => {
      const living = [...fakes.positions].filter(([relay]) => relay !== "relay:enam:0");
      expect([...new Set(living.map(([, position]) => position))]).toEqual([offsets[1]]);
    },
    { timeout: 5_000 },
  );
  fakes.dead.clear();
  offsets.push(await publish(stream, "tree-3"));
  await vi.waitFor(() => allAt(offsets[2] ?? 0), { timeout: 10_000 });
  for (const relay of relays) expect(fakes.offsets.get(relay)).toEqual(offsets);
}, 30_000);

it("reaches a relay whose kept stub has died by a new one at once: that is no failure of the relay", async () => {
  const stream = "metrics";
  const relay = "relay:weur:0";
  const fakes = new Fakes();
  fakes.install();
  const warned = vi.spyOn(console, "warn");
  const { top } = await channelStub(env, stream).interest({ v: 1, stream, relay, generation: 1 });
  fakes.positions.set(relay, top);
  const first = await publish(stream, "kept-1");
  await vi.waitFor(() => expect(fakes.positions.get(relay)).toBe(first));
  let dying = true;
  setFaults({
    queue: async () => undefined,
    deliver: async (name, request) => {
      fakes.calls.push(name);
      if (dying) {
        dying = false;
        throw new Error("the stub is dead");
      }
      return fakes.take(name, request);
    },
  });
  const second = await publish(stream, "kept-2");
  await vi.waitFor(() => expect(fakes.positions.get(relay)).toBe(second));
  expect([fakes.calls.length, warned.mock.calls.flat().filter((text) => String(text).includes("channel.call.failed"))]).toEqual([3, []]);
  warned.mockRestore();
});
