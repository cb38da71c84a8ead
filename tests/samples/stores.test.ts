/** Objects of R2 and values of KV in every form they were ever written in, through the code that reads them now; of the next version each is
 *  refused by name. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { rulesFreshMs, RuntimeRules } from "../../gateway/security/runtime-config.ts";
import { hourOf } from "../../stores/event-log.ts";
import { hoursOf, takeOverMarks } from "../../stores/compaction-hours.ts";
import { isHeld, listHolds } from "../../stores/compaction-holds.ts";
import { readPlan } from "../../stores/compaction-plan.ts";
import { findLetter } from "../../stores/dead-letter-index.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import { readPlacement } from "../../stores/placement.ts";
import { StoredRestore } from "../../schemas/backup.ts";
import { findBackup } from "../../stores/backups.ts";
import { findRestore } from "../../stores/backups-restores.ts";
import { restoreDeps } from "../../workflows/backup/deps.ts";
import { runRestore } from "../../workflows/backup/restore.ts";
import { bytesOf, filesOf, jsonOf, messageOf, nextVersion, type Rows, type StoredBytes, type StoredJson } from "./stored.ts";

const bucket = env.EDGE_LOGS;
const at = Date.UTC(2026, 10, 24, 7, 30);
const hour = hourOf(at);
const stream = "opportunities";

beforeEach(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
  for (let page = await bucket.list(); page.objects.length > 0; page = await bucket.list())
    await bucket.delete(page.objects.map(({ key }) => key));
});

async function putBytes(file: string): Promise<void> {
  const { key, metadata, base64 } = jsonOf<StoredBytes>(file);
  await bucket.put(key, bytesOf(base64), metadata === undefined ? {} : { customMetadata: metadata });
}

async function putJson(file: string, change: (value: StoredJson["value"]) => object = (value) => value): Promise<void> {
  const { key, value } = jsonOf<StoredJson>(file);
  await bucket.put(key, JSON.stringify(change(value)));
}

async function logged(): Promise<unknown[]> {
  const lines: unknown[] = [];
  for await (const { epoch, offset, at: time, stale, text } of readLog(bucket, { stream, from: at - 60_000, to: at + 60_000 }))
    lines.push([epoch, offset, time, stale, text]);
  return lines;
}

/** The same events that the queues' samples carry. */
const expected = messageOf("queue-event-log.v1.txt")
  .split("\n")
  .slice(1)
  .map((text, index) => ["01jd0000000000", index + 1, at + index, index === 2, text]);

describe("the log", () => {
  it.each(filesOf("log-object"))("%s is read line by line", async (file) => {
    await putBytes(file);
    expect(await logged()).toEqual(expected);
  });

  it.each(filesOf("log-part").flatMap((part) => filesOf("log-manifest").map((manifest) => [part, manifest] as const)))(
    "%s is read as %s says, when the raw objects are gone",
    async (part, manifest) => {
      await putBytes(part);
      await putJson(manifest);
      expect(await logged()).toEqual(expected);
    },
  );

  it.each([
    ["a manifest of another version", nextVersion, /\bv: /],
    ["columns of another version", (value: object) => ({ ...value, columns: 2 }), /columns: /],
  ])("is not read past %s", async (_, change, name) => {
    for (const file of [...filesOf("log-part"), ...filesOf("log-object")]) await putBytes(file);
    await putJson("log-manifest.v1.json", change);
    await expect(logged()).rejects.toThrow(name);
  });

  it.each(filesOf("log-mark"))("%s is a mark of its hour", async (file) => {
    await putJson(file);
    expect(await takeOverMarks(env, at)).toBe(1);
    expect(await hoursOf(env.METRICS_DB, { stream, fromHour: hour, toHour: hour + 1 })).toMatchObject([{ hour, marks: 1, done: 0 }]);
    await env.METRICS_DB.prepare("DELETE FROM log_hours").run();
  });

  it.each(filesOf("log-hold"))("%s holds its hour alone; one of another version holds everything", async (file) => {
    await putJson(file);
    const holds = await listHolds(bucket);
    expect([0, 1].map((later) => isHeld(holds, { stream, hour: hour + later }))).toEqual([true, false]);
    await putJson(file, nextVersion);
    expect(isHeld(await listHolds(bucket), { stream: "alerts", hour: hour + 1 })).toBe(true);
  });

  it.each(filesOf("compaction-plan"))("%s is gone on with, one of another version is not", async (file) => {
    const { value } = jsonOf<StoredJson>(file);
    const job = { stream, hour, work: "compaction/v1/sample/" };
    await putJson(file);
    expect(await readPlan(bucket, job)).toEqual(value);
    await putJson(file, nextVersion);
    await expect(readPlan(bucket, job)).rejects.toThrow('"v"');
  });
});

it.each(filesOf("dead-letter"))("%s is found by its row; one of another version is not read as something else", async (file) => {
  const [row] = jsonOf<Rows>("d1-metrics.0003.json")["dead_letters"] ?? [];
  const names = Object.keys(row ?? {});
  const sql = `INSERT INTO dead_letters (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
  await env.METRICS_DB.prepare(sql)
    .bind(...Object.values(row ?? {}))
    .run();
  await putJson(file);
  const { value } = jsonOf<StoredJson>(file);
  const id = String(row?.["id"]);
  expect(await findLetter(env, id)).toMatchObject({ letter: value, row: { parks: 2, attempts: 4, state: "redriven" } });
  await putJson(file, nextVersion);
  await expect(findLetter(env, id)).rejects.toThrow('"v"');
});

it.each(filesOf("placement"))("%s places as it did; one of another version is refused by name", async (file) => {
  const value = jsonOf<object>(file);
  const kept = new Map<string, string>([["placement", JSON.stringify(value)]]);
  const kv = { get: async (key: string) => JSON.parse(kept.get(key) ?? "null") as unknown } as unknown as KVNamespace;
  expect(await readPlacement(kv)).toEqual({ v: 1, shards: { wnam: 3, weur: 2 }, drained: ["apac"] });
  kept.set("placement", JSON.stringify(nextVersion(value)));
  await expect(readPlacement(kv)).rejects.toThrow('"v"');
});

it.each(filesOf("runtime-config"))("%s rules as it did; one of another version leaves what ruled before, and is named", async (file) => {
  const value = jsonOf<{ config: object }>(file);
  let text = JSON.stringify(value);
  const rules = new RuntimeRules(async () => text, { allow: [], deny: [] });
  const held = await rules.now(at);
  expect(held).toMatchObject({ version: 7, config: { under_attack: true, firewall: [{ id: "bots", action: "block" }] } });
  expect(held.config.limits.tiers.user).toEqual({ requests: 50, window_seconds: 10 });
  const told = vi.spyOn(console, "error").mockReturnValue(undefined);
  const changes = [
    ["all", nextVersion(value)],
    ["config", { ...value, at_ms: at + 1, config: nextVersion(value.config) }],
  ] as const;
  for (const [index, [what, change]] of changes.entries()) {
    text = JSON.stringify(change);
    // It is read again behind the answer that asks.
    const reading: Promise<void>[] = [];
    await rules.now(at + (index + 1) * rulesFreshMs, (work) => reading.push(work));
    await Promise.all(reading);
    expect(told.mock.calls.flat().at(-1)).toMatch(new RegExp(`"what":"${what}".*"issue":"v"`));
    expect((await rules.now(at + (index + 1) * rulesFreshMs)).config).toEqual(held.config);
  }
});

describe("backups", () => {
  const backups = env.CONFIG_BACKUPS;
  const steps = { do: <T>(_: string, work: () => Promise<T>) => work() };

  it.each(filesOf("backup"))("%s is restored whole; one of another version is refused by name", async (file) => {
    const { objects } = jsonOf<{ objects: readonly StoredBytes[] }>(file);
    for (const { key, base64 } of objects) await backups.put(key, bytesOf(base64));
    const id = objects[0]?.key.split("/")[2] ?? "";
    const order = StoredRestore.parse({
      ...jsonOf<StoredJson>("restore.v1.json").value,
      parts: ["d1:STRATEGIES_DB", "kv:CONFIG_CACHE", "r2:manifests"],
    });
    const restored = await runRestore(steps, restoreDeps(env), { ...order, backup: id, counts: [] });
    expect(restored.counts.map(({ name, added }) => [name, added])).toEqual([
      ["d1:STRATEGIES_DB", 1],
      ["kv:CONFIG_CACHE", 1],
      ["r2:manifests", 1],
    ]);
    expect(await env.STRATEGIES_DB.prepare("SELECT * FROM strategies").all()).toMatchObject({
      results: jsonOf<Rows>("d1-strategies.0001.json")["strategies"],
    });
    expect(await env.CONFIG_CACHE.getWithMetadata("placement")).toMatchObject({ metadata: { by: "operator" } });
    expect((await bucket.head("holds/v1/case-7.json"))?.customMetadata).toEqual({ by: "operator" });
    const manifest = objects.find(({ key }) => key.endsWith("/manifest.json"));
    const text = new TextDecoder().decode(bytesOf(manifest?.base64 ?? ""));
    await backups.put(manifest?.key ?? "", text.replace('"v":1', '"v":2'));
    expect((await findBackup(backups, id))?.kind).toBe("damaged");
  });

  it.each(filesOf("restore"))("%s is shown as far as it is; one of another version is not read as something else", async (file) => {
    const { key, value } = jsonOf<StoredJson>(file);
    await backups.put(key, JSON.stringify(value));
    expect(await findRestore(backups, String(value["id"]))).toEqual(value);
    await backups.put(key, JSON.stringify(nextVersion(value)));
    await expect(findRestore(backups, String(value["id"]))).rejects.toThrow('"v"');
  });
});
