/** SQLite and attachments of objects as earlier versions left them: today's code wakes up on them and goes on where they stood. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ChannelStorage } from "../../durable-objects/channel/storage.ts";
import { rateLimiterStub, channelStub } from "../../durable-objects/stubs.ts";
import { eventsOf } from "../../schemas/row.ts";
import { findEntity } from "../../stores/entities.ts";
import { setFaults } from "../support/faults.ts";
import { rawRelay } from "../support/relays.ts";
import { openSocket, opportunity, publicationOf, type TestSocket } from "../support/sockets.ts";
import { bytesOf, filesOf, jsonOf, nextVersion, type StoredTables } from "./stored.ts";

const stream = "opportunities";
const epoch = "0mwudk1jpxifuf";
/** Shortly after the samples' last rows. */
const at = Date.UTC(2026, 10, 24, 7, 31);

const rawChannel = (): DurableObjectStub => env.CHANNELS.get(env.CHANNELS.idFromName(`channel:${stream}`));
const rawLimiter = (): DurableObjectStub => env.RATE_LIMITERS.get(env.RATE_LIMITERS.idFromName("limiter:sample:0"));

const tablesSql =
  "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'";

async function tablesNow(stub: DurableObjectStub): Promise<string[]> {
  const rows = await runInDurableObject(stub, (_, state) => state.storage.sql.exec<{ sql: string }>(tablesSql).toArray());
  return rows.map(({ sql }) => sql.replaceAll(/\s+/g, " ")).sort();
}

/** As if the object had been left like this by the version that made the sample. */
async function leave(stub: DurableObjectStub, sample: StoredTables): Promise<void> {
  await runInDurableObject(stub, async (_, state) => {
    write(state.storage, sample);
    await state.storage.deleteAlarm();
    await state.storage.sync();
    // At once: an instance that came to rest by itself would write what it remembers.
    state.abort("the sample is in place");
  }).catch(() => undefined);
}

function write({ sql }: DurableObjectStorage, { tables, rows }: StoredTables): void {
  for (const { name } of sql.exec<{ name: string }>(tablesSql).toArray()) sql.exec(`DROP TABLE "${name}"`);
  for (const statement of tables) sql.exec(statement);
  for (const [table, records] of Object.entries(rows)) {
    for (const record of records) {
      const names = Object.keys(record);
      const values = Object.values(record).map(plain);
      sql.exec(`INSERT INTO "${table}" (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`, ...values);
    }
  }
}

function plain(value: unknown): SqlStorageValue {
  const { base64 } = (value ?? {}) as { base64?: string };
  return base64 === undefined ? (value as SqlStorageValue) : bytesOf(base64).buffer;
}

beforeEach(() => {
  for (const level of ["info", "warn"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
  setFaults({ skewMs: at - Date.now() });
});
afterEach(() => {
  setFaults({});
  vi.restoreAllMocks();
});

it.each([
  ["channel", rawChannel],
  ["relay", rawRelay],
  ["rate-limiter", rawLimiter],
])("a sample of a %s has the tables that it makes today: commit one of a new layout beside the old", async (name, stub) => {
  const today = await tablesNow(stub());
  expect(filesOf(name).map((file) => [...jsonOf<StoredTables>(file).tables].sort())).toContainEqual(today);
});

describe.each(filesOf("channel"))("%s", (file) => {
  const sample = jsonOf<StoredTables>(file);
  const hub = (): ReturnType<typeof channelStub> => channelStub(env, stream);
  const lines = (sample.rows["log"] ?? []).flatMap((row) => String(row["lines"]).split("\n"));

  it("goes on with its epoch, its positions and its log", async () => {
    await leave(rawChannel(), sample);
    expect(await hub().status({ v: 1, stream })).toMatchObject({ epoch, top: 4, first: 1, settled: 2 });
    const { rows } = await hub().history({ v: 1, stream, since: 0 });
    expect(rows.flatMap(eventsOf).map(({ offset, stale, earlier, text }) => [offset, stale, earlier, text])).toEqual(
      lines.map((text, index) => [index + 1, index === 2, index === 2 ? 1 : 0, text]),
    );
  });

  it("knows what it has seen, in blobs and in rows, and which state of an entity is the newest", async () => {
    await leave(rawChannel(), sample);
    const repeats = lines.map((line) => publicationOf(JSON.parse(line)));
    const older = publicationOf(opportunity({ id: "older", subject: "opp-1", timeMs: Date.UTC(2026, 10, 24, 7, 29) }));
    const reply = await hub().publish({ v: 1, stream, lane: "live", events: [...repeats, older] });
    expect(reply).toMatchObject({ kind: "ok", epoch, offsets: [1, 2, 3, 4, 5], duplicates: [0, 1, 2, 3] });
    const { rows } = await hub().history({ v: 1, stream, since: 4 });
    expect(rows.flatMap(eventsOf)).toMatchObject([{ offset: 5, stale: true, earlier: 3 }]);
  });

  it("hands over to its queues what they had not taken", async () => {
    await leave(rawChannel(), sample);
    const sent: { sink: string; offsets: number[] }[] = [];
    setFaults({
      skewMs: at - Date.now(),
      queue: async (sink, _, messages) => {
        const headers = messages.map(
          ({ body }) => JSON.parse(String(body).split("\n")[0] ?? "") as { rows: { first: number; count: number }[] },
        );
        sent.push({ sink, offsets: headers.flatMap((header) => header.rows.map(({ first }) => first)) });
      },
    });
    await hub().status({ v: 1, stream });
    await hub().publish({ v: 1, stream, lane: "live", events: [publicationOf(opportunity({ id: "next", timeMs: at }))] });
    await vi.waitFor(() => expect(new Set(sent.map(({ sink }) => sink))).toEqual(new Set(["hot-cache", "event-log"])), 10_000);
    for (const sink of ["hot-cache", "event-log"]) expect(sent.find((one) => one.sink === sink)?.offsets[0]).toBe(3);
    expect(await findEntity(env, "opportunities", "opp-1")).toBeUndefined();
  });
});

it.each(["identity", "progress"] as const)("a channel's %s of another version is refused by that name", async (name) => {
  const { tables, rows } = jsonOf<StoredTables>("channel.v1.json");
  const stub = env.CHANNELS.get(env.CHANNELS.idFromName("sample"));
  await runInDurableObject(stub, (_, { storage }) => {
    for (const statement of tables) storage.sql.exec(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"));
    const { value } = rows["state"]?.find((row) => row["name"] === name) ?? {};
    const write = (text: string): void => void storage.sql.exec("INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)", name, text);
    const opened = new ChannelStorage(storage);
    write(String(value));
    expect(opened[name]()).toEqual(JSON.parse(String(value)));
    write(JSON.stringify(nextVersion(JSON.parse(String(value)) as object)));
    expect(() => opened[name]()).toThrow(`the stored ${name} cannot be read: v: `);
    storage.sql.exec("DELETE FROM state");
  });
});

type StoredRelay = StoredTables & { readonly attachment: object };

describe.each(filesOf("relay"))("%s", (file) => {
  const sample = jsonOf<StoredRelay>(file);

  /** A socket whose attachment and subscriptions are the sample's. */
  async function wake(attachment: object): Promise<TestSocket> {
    await leave(rawChannel(), jsonOf<StoredTables>("channel.v1.json"));
    const socket = await openSocket("/ws?batch=1");
    await socket.next("welcome");
    await runInDurableObject(rawRelay(), (_, state) => {
      write(state.storage, sample);
      for (const held of state.getWebSockets()) held.serializeAttachment(attachment);
    });
    // It has subscribed to nothing, so it remembers nothing that it could write.
    await evictDurableObject(rawRelay());
    return socket;
  }

  it("goes on sending to its sockets what they had subscribed to, from where they stood", async () => {
    const socket = await wake(sample.attachment);
    const events = [
      opportunity({ id: "poor", timeMs: at, data: { estimated_profit: "0.5" } }),
      opportunity({ id: "base", timeMs: at, data: { chain: "base" } }),
      opportunity({ id: "rich", timeMs: at }),
    ].map(publicationOf);
    const reply = await channelStub(env, stream).publish({ v: 1, stream, lane: "live", events });
    expect(reply).toMatchObject({ kind: "ok", offsets: [5, 6, 7] });
    await vi.waitFor(() => {
      const frames = socket.frames.flatMap((frame) => (frame.type === "batch" ? (frame["frames"] as Record<string, unknown>[]) : [frame]));
      const told = frames.filter((frame) => frame["type"] === "opportunity_detected");
      // The filter is chain arbitrum and a profit from 1 on, the view is base: up to 4, where the relay stood, each was told everything.
      expect(told.map((frame) => [frame["channel"], frame["id"], frame["offset"], frame["prev"], frame["epoch"]]).sort()).toEqual([
        ["opportunities", "rich", 7, 4, epoch],
        ["opportunities:base", "base", 6, 4, epoch],
      ]);
    }, 10_000);
    socket.close();
  });

  it("tells a socket whose attachment is of another version to come back, rather than guess what it was", async () => {
    const socket = await wake(nextVersion(sample.attachment));
    socket.send({ type: "ping", timestamp: 1 });
    expect((await socket.closed).code).toBe(1001);
  });
});

it.each(filesOf("rate-limiter"))("%s: a key that owed still does, one that had paid may take", async (file) => {
  await leave(rawLimiter(), jsonOf<StoredTables>(file));
  const allowance = { intervalMs: 1_000, burst: 10 };
  const take = (key: string) => rateLimiterStub(env, "sample", 0).take({ v: 1, key, allowance, need: 1, want: 0 });
  expect((await take("owing")).granted).toBe(0);
  expect((await take("settled")).granted).toBe(1);
});
