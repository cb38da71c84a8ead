/** The log is readable with nothing of ours: DuckDB and our reader agree on what raw objects, Parquet parts and manifests hold. Runs over
 *  exported files, as an operator would after `rclone copy`. EVENTS=1000000 runs it at the size the log is made for. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { DuckDBConnection } from "@duckdb/node-api";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compactionBytesMax } from "../../schemas/limits.ts";
import { dropWork, publishManifest, verifyParts, writePart } from "../../stores/compaction.ts";
import { storePlan } from "../../stores/compaction-plan.ts";
import { hourOf, startOfHour } from "../../stores/event-log.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import type { LogCoverage } from "../../stores/event-log-reader.ts";
import { runCompaction } from "../../workflows/compaction/run.ts";
import type { CompactionResult } from "../../workflows/compaction/run.ts";
import { storeGeneratedLog } from "../support/log-hours.ts";
import type { GeneratedLog } from "../support/log-hours.ts";

const events = Number(process.env["EVENTS"] ?? 50_000);
const hour = hourOf(Date.UTC(2026, 10, 24, 7));
const log: GeneratedLog = {
  stream: "opportunities",
  epoch: "01jd0000000000",
  firstHour: hour,
  eventsOfHour: [events * 0.7, events * 0.2, events * 0.1],
  objectLines: 5_000,
  twicePercent: 5,
  latePercent: 1,
};
const window = { stream: log.stream, from: startOfHour(hour), to: startOfHour(hour + 3) };
const timeoutMs = 60_000 + events * 2;

/** What both sides count. Money is summed in whole millionths: it has six digits in these events. */
interface Sums {
  readonly count: number;
  readonly offsets: number;
  readonly stale: number;
  readonly times: number;
  readonly profit: number;
}

let runtime: Miniflare;
let bucket: R2Bucket;
let folder: string;
let duck: DuckDBConnection;
const results: CompactionResult[] = [];

beforeAll(async () => {
  runtime = new Miniflare(
    convertV4MiniflareOptions({ modules: true, script: "export default {}", r2Buckets: ["LOG"], log: new Log(LogLevel.ERROR) }),
  );
  bucket = unhurried((await runtime.getR2Bucket("LOG")) as unknown as R2Bucket);
  folder = mkdtempSync(join(tmpdir(), "arbx-log-"));
  duck = await (await DuckDBInstance.create()).connect();
});

afterAll(async () => {
  duck?.closeSync();
  await runtime?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function compact(of: number): Promise<void> {
  const deps = {
    plan: (job: Parameters<typeof storePlan>[1]) => storePlan(bucket, job),
    writePart: (...args: Tail<typeof writePart>) => writePart(bucket, ...args),
    verify: (...args: Tail<typeof verifyParts>) => verifyParts(bucket, ...args),
    publish: (...args: Tail<typeof publishManifest>) => publishManifest(bucket, ...args),
    drop: (work: string) => dropWork(bucket, work),
    settle: async () => undefined,
  };
  const order = { stream: log.stream, hour: of, marks: 1 };
  results.push(await runCompaction({ do: (_, work) => work() }, deps, { order, work: `compaction/v1/e2e-${results.length}/` }));
}

/** The bucket is reached over connections that the runtime closes when they are idle: a thread that was busy for seconds has to hear of it
 *  before it writes to one. */
function unhurried(real: R2Bucket): R2Bucket {
  return new Proxy(real, {
    get: (target, name) => {
      const call: unknown = Reflect.get(target, name);
      if (typeof call !== "function") return call;
      return async (...args: unknown[]): Promise<unknown> => {
        await new Promise((resolve) => setImmediate(resolve));
        return await call.apply(target, args);
      };
    },
  });
}

type Tail<T> = T extends (first: R2Bucket, ...rest: infer Rest) => unknown ? Rest : never;

/** Copies what lies under a prefix to the file system. */
async function exportPrefix(prefix: string): Promise<void> {
  let page = await bucket.list({ prefix });
  for (;;) {
    for (const { key } of page.objects) {
      const path = join(folder, key);
      mkdirSync(dirname(path), { recursive: true });
      const object = await bucket.get(key);
      if (object !== null) writeFileSync(path, new Uint8Array(await object.arrayBuffer()));
    }
    if (!page.truncated) return;
    page = await bucket.list({ prefix, cursor: page.cursor });
  }
}

async function ours(): Promise<{ sums: Sums; coverage: LogCoverage }> {
  const sums = { count: 0, offsets: 0, stale: 0, times: 0, profit: 0 };
  let coverage: LogCoverage | undefined;
  for await (const line of readLog(bucket, window, (note) => (coverage = note))) {
    const { data } = JSON.parse(line.text) as { data: { estimated_profit: string } };
    sums.count += 1;
    sums.offsets += line.offset;
    sums.stale += line.stale ? 1 : 0;
    sums.times += line.at % 3_600_000;
    sums.profit += Math.round(Number(data.estimated_profit) * 1e6);
  }
  if (coverage === undefined) throw new Error("no coverage was reported");
  return { sums, coverage };
}

async function query(sql: string): Promise<Record<string, number>> {
  const rows = (await duck.runAndReadAll(sql)).getRowObjectsJson();
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value)]));
}

/** `at` is epoch ms. */
const sumsSql = (profit: string, at: string): string =>
  `count(*) AS count, sum("offset") AS offsets, count(*) FILTER (stale) AS stale, sum(${at} % 3600000) AS times,
   sum(CAST(CAST(${profit} AS DECIMAL(18, 6)) * 1000000 AS BIGINT)) AS profit`;

const raw = (): string => `read_ndjson('${folder}/events/v1/**/*.ndjson.gz', hive_partitioning = true, columns = {
  epoch: 'VARCHAR', "offset": 'BIGINT', "at": 'BIGINT', stale: 'BOOLEAN', event: 'JSON'})`;

describe(`a log of ${events} events, a few late, some written twice`, () => {
  let storeLate: () => Promise<number>;

  it(
    "as raw objects gives DuckDB what it gives us",
    async () => {
      const stored = await storeGeneratedLog(bucket, log);
      ({ storeLate } = stored);
      await exportPrefix("events/");
      const { sums, coverage } = await ours();
      const sql = `SELECT ${sumsSql("event->>'$.data.estimated_profit'", '"at"')} FROM
        (SELECT DISTINCT ON (epoch, "offset") epoch, "offset", "at", coalesce(stale, false) AS stale, event FROM ${raw()})`;
      expect(await query(sql)).toEqual({ ...sums });
      expect(await query(`SELECT count(*) AS lines FROM ${raw()}`)).toEqual({ lines: sums.count + coverage.copies });
      // And with nothing but zcat.
      const lines = execFileSync("sh", ["-c", `find '${folder}/events' -name '*.gz' -exec zcat {} + | wc -l`]).toString();
      expect(Number(lines)).toBe(sums.count + coverage.copies);
    },
    timeoutMs,
  );

  it(
    "compacted, then late, then compacted again gives every position once, to DuckDB as to us",
    async () => {
      for (const index of [0, 1, 2]) await compact(hour + index);
      await storeLate();
      expect((await ours()).coverage).toMatchObject({ events, missing: [], conflicts: 0 });
      const startedMs = performance.now();
      for (const index of [0, 1, 2]) await compact(hour + index);
      const compactedMs = performance.now() - startedMs;
      const readingMs = performance.now();
      const { sums, coverage } = await ours();
      console.log(
        JSON.stringify({
          events,
          compactedEventsPerSecond: Math.round((events / compactedMs) * 1_000),
          readEventsPerSecond: Math.round((events / (performance.now() - readingMs)) * 1_000),
          peakMiB: results.map((result) => (result.kind === "compacted" ? Math.round(result.peakBytes / 1_048_576) : 0)),
          parts: results.map((result) => (result.kind === "compacted" ? result.parts : 0)),
        }),
      );
      expect(sums.count).toBe(events);
      expect(sums.offsets).toBe((events * (events + 1)) / 2);
      expect(coverage).toMatchObject({ missing: [], copies: 0, epochs: [{ first: 1, last: events, events }] });
      for (const result of results) expect(result.kind === "compacted" && result.peakBytes <= compactionBytesMax).toBe(true);

      await exportPrefix("compacted/");
      await exportPrefix("manifests/");
      // Parts of the first generation still lie there: the manifest says which ones count.
      await duck.run(`SET VARIABLE parts = (SELECT list('${folder}/' || part.key) FROM
        (SELECT unnest(parts) AS part FROM read_json('${folder}/manifests/v1/**/*.json')))`);
      const parquet = "read_parquet(getvariable('parts'))";
      const sql = `SELECT ${sumsSql("event->>'$.data.estimated_profit'", "epoch_ms(sequenced_at)")} FROM ${parquet}`;
      expect(await query(sql)).toEqual({ ...sums });
      expect(await query(`SELECT count(DISTINCT ("offset")) AS positions, count(*) FILTER (repeat) AS repeats FROM ${parquet}`)).toEqual({
        positions: events,
        repeats: Math.floor((events + 1) / 1_000),
      });
      const manifests = `read_json('${folder}/manifests/v1/**/*.json')`;
      expect(
        await query(`SELECT sum(events) AS events, sum(repeats) AS repeats, sum(missing_positions) AS missing FROM ${manifests}`),
      ).toEqual({
        events,
        repeats: Math.floor((events + 1) / 1_000),
        missing: 0,
      });
    },
    timeoutMs * 3,
  );

  it("has columns that say what its events say", async () => {
    const differing = `SELECT count(*) AS n FROM read_parquet(getvariable('parts')) WHERE id <> event->>'$.id' OR source <> event->>'$.source'
      OR type <> event->>'$.type' OR subject <> event->>'$.subject' OR chain <> event->>'$.data.chain'
      OR epoch_ms(time) <> epoch_ms(CAST(event->>'$.time' AS TIMESTAMPTZ)) OR meta IS NOT NULL OR original IS NOT NULL`;
    expect(await query(differing)).toEqual({ n: 0 });
  });
});
