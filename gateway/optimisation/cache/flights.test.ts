import { describe, expect, it } from "vitest";
import { Flights } from "./flights.ts";

interface Pending {
  readonly promise: Promise<string>;
  land(value: string): void;
  fail(error: Error): void;
}

function pending(): Pending {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { promise, land: resolve, fail: reject };
}

function wish(start: () => Promise<string>, rest: { nowMs?: number; changedMs?: number; timeoutMs?: number } = {}) {
  return { nowMs: 1_000, changedMs: 0, timeoutMs: 10_000, ...rest, start };
}

describe("those who ask for the same at the same time", () => {
  it("all hear of a failure, and who comes after it asks again", async () => {
    const flights = new Flights<string>();
    const flight = pending();
    const all = [1, 2, 3].map(() =>
      flights.join(
        "k",
        wish(() => flight.promise),
      ),
    );
    flight.fail(new Error("down"));
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(
      await flights.join(
        "k",
        wish(async () => "up"),
      ),
    ).toEqual({ result: "up", isShared: false });
  });

  it("ask once, and one of them only was the one who asked", async () => {
    const flights = new Flights<string>();
    const flight = pending();
    let started = 0;
    const start = (): Promise<string> => {
      started += 1;
      return flight.promise;
    };
    const all = Array.from({ length: 200 }, () => flights.join("k", wish(start)));
    flight.land("answer");
    const landed = await Promise.all(all);
    expect([started, landed.filter(({ isShared }) => !isShared).length]).toEqual([1, 1]);
  });

  it("do not wait for an answer that began before a change", async () => {
    const flights = new Flights<string>();
    const old = pending();
    const first = flights.join(
      "k",
      wish(() => old.promise, { nowMs: 1_000 }),
    );
    const second = await flights.join(
      "k",
      wish(async () => "new", { nowMs: 1_001, changedMs: 1_000 }),
    );
    old.land("old");
    expect([second, (await first).result]).toEqual([{ result: "new", isShared: false }, "old"]);
  });

  it("wait no longer than they may for one whose request may have died, and nobody joins it afterwards", async () => {
    const flights = new Flights<string>();
    const dead = flights.join(
      "k",
      wish(() => new Promise(() => undefined)),
    );
    dead.catch(() => undefined);
    await expect(
      flights.join(
        "k",
        wish(async () => "no", { timeoutMs: 5 }),
      ),
    ).rejects.toMatchObject({ code: "UPSTREAM_TIMEOUT" });
    expect(
      await flights.join(
        "k",
        wish(async () => "new", { nowMs: 11_000 }),
      ),
    ).toEqual({ result: "new", isShared: false });
  });
});
