import { describe, expect, it } from "vitest";
import type { Entry } from "./entry.ts";
import { Memory } from "./memory.ts";

function entry(bytes: number, startedAtMs = 0): Entry {
  const times = { startedAtMs, generatedAtMs: 0, freshUntilMs: 1, staleUntilMs: 1, errorUntilMs: 1 };
  return { v: 1, key: "k", status: 200, headers: [], varying: [], isRefusal: false, ...times, body: new Uint8Array(bytes) };
}

describe("memory", () => {
  it("holds no more bytes than it may, whatever comes", () => {
    const memory = new Memory(10_000);
    for (let index = 0; index < 100; index += 1) memory.put(`k${index % 7}`, entry(index * 37, index));
    expect(memory.bytes).toBeLessThanOrEqual(10_000);
    expect(memory.bytes).toBeGreaterThan(0);
  });

  it("holds nothing that is larger than all of it", () => {
    const memory = new Memory(10_000);
    memory.put("large", entry(10_001));
    expect([memory.size, memory.bytes]).toEqual([0, 0]);
  });

  it("lets go of what nobody has used for longest", () => {
    const memory = new Memory(3 * 2_048);
    for (const key of ["a", "b", "c"]) memory.put(key, entry(1_024));
    memory.find("a");
    memory.put("d", entry(1_024));
    expect(["a", "b", "c", "d"].filter((key) => memory.find(key) !== undefined)).toEqual(["a", "c", "d"]);
  });

  it("does not let an answer that was asked for earlier take the place of a later one", () => {
    const memory = new Memory(10_000);
    memory.put("k", entry(1, 2));
    memory.put("k", entry(2, 1));
    expect(memory.find("k")?.startedAtMs).toBe(2);
  });

  it("counts an answer once, however often it is put", () => {
    const memory = new Memory(10_000);
    for (let index = 0; index < 50; index += 1) memory.put("k", entry(100, index));
    expect([memory.size, memory.bytes]).toEqual([1, 1_124]);
  });
});
