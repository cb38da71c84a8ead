import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { waitingLetters } from "../../stores/dead-letter-index.ts";
import { putDeadLetter } from "../../stores/dead-letters.ts";
import { loggedOffsets, postUntilAccepted } from "../../tests/support/edge.ts";
import { opportunityJson } from "../../tests/support/publications.ts";
import { app } from "../app.ts";

interface Answer {
  readonly status: number;
  readonly body: {
    data: never;
    error: { code: string; message: string; details?: { parameter?: string } };
    pagination: { cursor?: string };
  };
}

async function ask(method: string, path: string, body?: unknown, variables: object = env): Promise<Answer> {
  const context = createExecutionContext();
  const headers = { "x-api-key": "test-ops-key", "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await app.request(path, { method, headers, ...sent }, variables, context);
  const answer = { status: response.status, body: await response.json<Answer["body"]>() };
  await waitOnExecutionContext(context);
  return answer;
}

interface Letter {
  readonly id: string;
  readonly reason: string;
  readonly state: string;
  readonly queue: string;
  readonly parks: number;
  readonly redrives: number;
  readonly attempts?: number;
  readonly positions?: { readonly first: number };
}

async function listed(query = ""): Promise<Letter[]> {
  return (await ask("GET", `/ops/dead-letters${query}`)).body.data;
}

async function letter(index: number, queue = "hot-cache"): Promise<string> {
  const object = await putDeadLetter(env, { queue, reason: `reason ${index}`, body: `torn ${index}` }, 1_000 + index);
  return /([0-9a-f]{32})\.json$/.exec(object)?.[1] ?? "";
}

beforeAll(async () => {
  // Passes every schema of ours; this file's database alone refuses it.
  await env.OPPORTUNITIES_DB.prepare('ALTER TABLE opportunities ADD COLUMN taste TEXT CHECK (data NOT LIKE \'%"taste":"bad"%\')').run();
});

it("is for operators", async () => {
  for (const [method, path] of [
    ["GET", "/ops/dead-letters"],
    ["POST", "/ops/dead-letters/redrive"],
    ["POST", "/ops/dead-letters/discard"],
    ["POST", `/ops/dead-letters/${"0".repeat(32)}/redrive`],
  ] as const)
    expect((await app.request(path, { method }, env, createExecutionContext())).status, path).toBe(401);
});

it("a poisoned event is kept with its reason, corrected, sent again, and ends in D1 and R2 once, under its own position", async () => {
  const poisoned = opportunityJson({ id: "bitter" });
  (poisoned["data"] as Record<string, unknown>)["metadata"] = { taste: "bad" };
  await postUntilAccepted([poisoned, opportunityJson({ id: "sweet" })] as never);
  await vi.waitFor(async () => expect(await listed("?state=kept&queue=hot-cache")).toHaveLength(1), { timeout: 20_000, interval: 200 });
  const [kept] = await listed("?state=kept&queue=hot-cache");
  expect(kept?.reason).toMatch(/CHECK constraint failed/);
  const id = kept?.id ?? "";
  const shown = (await ask("GET", `/ops/dead-letters/${id}`)).body.data as unknown as { events: Record<string, unknown>[] };
  expect(shown.events).toHaveLength(1);
  const snapshot = async (): Promise<unknown> =>
    (await channelStub(env, "opportunities").settled({ v: 1, stream: "opportunities" })).incomplete;
  await vi.waitFor(async () => expect(await snapshot()).toHaveLength(1), { timeout: 10_000 });

  const [event = {}] = shown.events;
  const corrected = { ...event, data: { ...(event["data"] as object), metadata: { taste: "good" } } };
  const sent = await ask("POST", `/ops/dead-letters/${id}/redrive`, { events: [corrected], comment: "tasted" });
  expect(sent).toMatchObject({ status: 202, body: { data: { id, queue: "hot-cache", redrives: 1 } } });
  const stored = (): Promise<{ results: unknown[] }> =>
    env.OPPORTUNITIES_DB.prepare("SELECT offset, data FROM opportunities WHERE opportunity_id = 'bitter'").all();
  await vi.waitFor(async () => expect((await stored()).results).toHaveLength(1), { timeout: 20_000, interval: 200 });
  expect((await stored()).results).toEqual([{ offset: kept?.positions?.first, data: expect.stringContaining('"taste":"good"') }]);
  expect(await listed("?state=kept&queue=hot-cache")).toEqual([]);
  // Nothing is missing from snapshots any more, and the log of truth has each event once.
  await vi.waitFor(async () => expect(await snapshot()).toEqual([]), { timeout: 10_000 });
  const logged = async (): Promise<(number | undefined)[]> => {
    const offsets = await loggedOffsets();
    return ["bitter", "sweet"].map((name) => (offsets.get(name)?.length === 1 ? offsets.get(name)?.[0] : undefined)).toSorted();
  };
  await vi.waitFor(async () => expect(await logged()).toEqual([1, 2]), { timeout: 20_000, interval: 200 });
}, 60_000);

it("a letter that fails again waits again, even when the news of it comes before the mark", async () => {
  const id = await letter(1);
  const refused = await ask("POST", `/ops/dead-letters/${id}/redrive`, {});
  expect(refused).toMatchObject({ status: 400, body: { error: { details: { parameter: "body" } } } });
  // Kept once more while an operator looks at it: the mark of the earlier reading changes nothing.
  await letter(1);
  expect(await listed("?queue=hot-cache&state=kept")).toMatchObject([{ id, parks: 2, redrives: 0 }]);
});

it("pages through in both directions without leaving one out, whatever else is kept", async () => {
  for (let index = 10; index < 17; index += 1) await letter(index, "inbox");
  for (const order of ["newest", "oldest"]) {
    const seen: string[] = [];
    let cursor: string | undefined = "";
    while (cursor !== undefined) {
      const page: Answer = await ask(
        "GET",
        `/ops/dead-letters?queue=inbox&order=${order}&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      seen.push(...(page.body.data as unknown as Letter[]).map(({ reason }) => reason));
      cursor = page.body.pagination.cursor;
    }
    const expected = [10, 11, 12, 13, 14, 15, 16].map((index) => `reason ${index}`);
    expect(seen).toEqual(order === "oldest" ? expected : expected.toReversed());
  }
});

it("sends many again, lists what could not be, and leaves that waiting", async () => {
  const bad = await letter(30, "event-log");
  const event = opportunityJson({ id: "again" });
  await putDeadLetter(env, { queue: "inbox", reason: "was late", body: JSON.stringify(event) }, 5);
  const [first] = await listed("?queue=inbox&order=oldest&limit=1");
  const { body } = await ask("POST", "/ops/dead-letters/redrive", { ids: [bad, first?.id] });
  expect(body.data).toMatchObject({
    redriven: [{ id: first?.id, queue: "inbox" }],
    failed: [{ id: bad, reason: expect.stringContaining("can't be read") }],
  });
  expect((await listed("?state=kept&queue=event-log")).map(({ id }) => id)).toEqual([bad]);
  await vi.waitFor(
    async () => {
      const found = await env.OPPORTUNITIES_DB.prepare("SELECT 1 FROM opportunities WHERE opportunity_id = 'again'").all();
      expect(found.results).toHaveLength(1);
    },
    { timeout: 20_000, interval: 200 },
  );
}, 60_000);

it("gives letters up only with a reason, keeps them, and counts them no more", async () => {
  const id = await letter(40, "event-log");
  expect(await ask("POST", "/ops/dead-letters/discard", { ids: [id], comment: " " })).toMatchObject({
    status: 400,
    body: { error: { details: { parameter: "comment" } } },
  });
  const before = (await waitingLetters(env)).count;
  const unknown = "f".repeat(32);
  const { body } = await ask("POST", "/ops/dead-letters/discard", { ids: [id, unknown], comment: "a test's" });
  expect(body.data).toEqual({ discarded: [id], unknown: [unknown] });
  expect((await waitingLetters(env)).count).toBe(before - 1);
  expect(await listed("?state=discarded")).toMatchObject([{ id }]);
  expect((await ask("GET", `/ops/dead-letters/${id}`)).status).toBe(200);
  const { results } = await env.SESSIONS_DB.prepare("SELECT details FROM audit WHERE action = 'dead_letters.discarded'").all();
  expect(JSON.stringify(results)).toContain("a test's");
});

it("leaves a letter waiting when its queue does not take it", async () => {
  await putDeadLetter(env, { queue: "inbox", reason: "stuck", body: JSON.stringify(opportunityJson({ id: "stuck" })) }, 6);
  const [stuck] = await listed("?queue=inbox&order=oldest&state=kept&limit=1");
  const failing = { ...env, INBOX: { ...env.INBOX, sendBatch: () => Promise.reject(new Error("queue is down")) } };
  const refused = await ask("POST", `/ops/dead-letters/${stuck?.id}/redrive`, {}, failing);
  expect(refused).toMatchObject({ status: 503, body: { error: { code: "UPSTREAM_UNAVAILABLE" } } });
  expect((await listed("?queue=inbox&state=kept")).map(({ id }) => id)).toContain(stuck?.id);
});

it.each([
  ["GET", "/ops/dead-letters?state=lost", undefined, "state"],
  ["GET", "/ops/dead-letters?limit=0", undefined, "limit"],
  ["GET", "/ops/dead-letters?cursor=x", undefined, "cursor"],
  ["GET", "/ops/dead-letters/nonsense", undefined, "id"],
  ["POST", `/ops/dead-letters/${"0".repeat(32)}/redrive`, { events: [], body: "x" }, "events"],
  ["POST", `/ops/dead-letters/${"0".repeat(32)}/redrive`, { extra: 1 }, ""],
  ["POST", "/ops/dead-letters/redrive", { ids: [] }, "ids"],
  ["POST", "/ops/dead-letters/discard", { ids: ["nope"], comment: "x" }, "ids.0"],
])("%s %s names what is wrong (%#)", async (method, path, body, parameter) => {
  expect(await ask(method, path, body)).toMatchObject({
    status: 400,
    body: { error: { code: "INVALID_PARAMETERS", details: { parameter } } },
  });
});

it("knows no letter that there is not", async () => {
  for (const [method, path] of [
    ["GET", `/ops/dead-letters/${"0".repeat(32)}`],
    ["POST", `/ops/dead-letters/${"0".repeat(32)}/redrive`],
  ] as const)
    expect((await ask(method, path, method === "POST" ? {} : undefined)).status).toBe(404);
});
