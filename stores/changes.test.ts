import { describe, expect, it } from "vitest";
import { announceChange, changedHereMs } from "./changes.ts";
import { readChange, readColo, writeColo } from "./colo-cache.ts";
import type { OpenCache } from "./colo-cache.ts";

describe("a change", () => {
  it("that the colo was not told is known here, and told with the next one", async () => {
    let isDown = true;
    const open: OpenCache = () => (isDown ? Promise.reject(new Error("no cache")) : caches.open("arbitragex-answers"));
    await announceChange("executions", { nowMs: 1_000, aheadMs: 5_000 }, open);
    expect([changedHereMs("executions"), await readChange("executions")]).toEqual([1_000, 0]);
    isDown = false;
    await announceChange("executions", { nowMs: 1_001 }, open);
    expect([changedHereMs("executions"), await readChange("executions")]).toEqual([1_001, 1_001]);
  });

  it("of a cache that never answers is not waited for", async () => {
    await announceChange("backend.health", { nowMs: 1_000 }, () => new Promise(() => undefined));
    expect(changedHereMs("backend.health")).toBe(1_000);
  });

  it("that comes hundreds of times a second is told once for the second, up to its end", async () => {
    let opened = 0;
    const open: OpenCache = () => {
      opened += 1;
      return caches.open("arbitragex-answers");
    };
    for (let ms = 0; ms < 2_500; ms += 5) await announceChange("backend.opportunities", { nowMs: 10_000 + ms, aheadMs: 1_000 }, open);
    expect(opened).toBe(3);
    expect(changedHereMs("backend.opportunities")).toBe(12_495);
    expect(await readChange("backend.opportunities")).toBeGreaterThanOrEqual(12_495);
  });
});

describe("the colo's cache", () => {
  it("gives back what it was given, byte for byte, and nothing it was not", async () => {
    const bytes = new Uint8Array([0, 255, 10, 13]);
    await writeColo("k", { bytes, keepSeconds: 0.2 });
    expect([await readColo("k"), await readColo("absent")]).toEqual([bytes, undefined]);
  });
});
