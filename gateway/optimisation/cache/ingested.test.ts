import { expect, it } from "vitest";
import type { PublishDeps } from "../../../producers/ingest/publish.ts";
import type { PublishReply } from "../../../schemas/rpc.ts";
import { changedHereMs } from "../../../stores/changes.ts";
import { readChange } from "../../../stores/colo-cache.ts";
import { announcing } from "./ingested.ts";

const ok: PublishReply = { v: 1, kind: "ok", epoch: "e1", offsets: [], duplicates: [] };
const full: PublishReply = { v: 1, kind: "full", retryAfterMs: 1 };
const publishing = (publish: PublishDeps["publish"]): Pick<PublishDeps, "publish"> => ({ publish });

it("what the backend posts makes its cached answers old: here at once, in the colo for the second, without the poster waiting", async () => {
  const startedAtMs = Date.now();
  const kept: Promise<unknown>[] = [];
  const { publish } = announcing(
    publishing(async () => ok),
    (work) => kept.push(work),
  );
  expect(await publish("strategies", [])).toBe(ok);
  expect(changedHereMs("backend.strategies")).toBeGreaterThanOrEqual(startedAtMs);
  await Promise.all(kept);
  expect(await readChange("backend.strategies")).toBe(changedHereMs("backend.strategies") + 1_000);
});

it("what was not accepted, or is nothing the cache knows, announces nothing", async () => {
  const kept: Promise<unknown>[] = [];
  // Other tests of this isolate may have announced something before.
  const known = (): number[] => [changedHereMs("backend.executions"), changedHereMs("backend.opportunities")];
  const before = known();
  const answers: Record<string, () => Promise<PublishReply>> = {
    executions: () => Promise.reject(new Error("timeout")),
    opportunities: async () => full,
    alerts: async () => ok,
  };
  const { publish } = announcing(
    publishing((stream) => answers[stream]?.() ?? Promise.reject(new Error(stream))),
    (work) => kept.push(work),
  );
  await expect(publish("executions", [])).rejects.toThrow("timeout");
  await publish("opportunities", []);
  await publish("alerts", []);
  expect(kept).toEqual([]);
  expect(known()).toEqual(before);
});
