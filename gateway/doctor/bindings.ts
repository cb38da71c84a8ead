/** What the doctor asks of each binding: one cheap question. Names are those of wrangler.toml; ops-doctor.test.ts finds one that is missing. */
import { streams } from "../../channels/catalogue.ts";
import { channelStub, rateLimiterStub, relayName, relayStub, upstreamStub } from "../../durable-objects/stubs.ts";
import { messageOf } from "../../platform/errors.ts";
import { findMigration, newestMigrations, type DatabaseName } from "../../stores/migrations.ts";
import { countOverdueRows, findOverdueHour } from "../../stores/overdue.ts";
import { probeBucket, probeNamespace } from "../../stores/probe.ts";
import { fine, type Check, type Finding } from "./run.ts";

const databases = Object.keys(newestMigrations) as DatabaseName[];
const namespaces = ["CONFIG_CACHE", "API_CACHE", "SESSIONS"] as const;
const buckets = ["EDGE_LOGS", "BACKEND_ASSETS", "CONFIG_BACKUPS"] as const;
const queues = ["INBOX", "HOT_CACHE", "EVENT_LOG", "DEAD_LETTER"] as const;
const workflows = ["COMPACTION", "REPLAY", "BACKUP", "RESTORE"] as const;

/** Five minutes at the owner's mean of 185 events/s in packs of about 90. */
const backlogMessagesMany = 600;
/** The prune cron comes every ten minutes, the compaction's once an hour: this long, and one of them surely failed. */
const overdueMs = 2 * 3_600_000;

const statusPage = "see www.cloudflarestatus.com";
const deployAgain = "deploy again: `arbx deploy all` creates what is missing";

export function bindingChecks(env: Env, now: number): Check[] {
  return [
    ...databases.map((name) => databaseCheck(env, name)),
    ...namespaces.map((name) => asked(`kv:${name}`, () => probeNamespace(env[name]))),
    ...buckets.map((name) => asked(`r2:${name}`, () => probeBucket(env[name]))),
    ...queues.map((name) => queueCheck(env, name)),
    ...objectChecks(env),
    ...workflows.map((name) => workflowCheck(env, name)),
    asked("ratelimit:FIRST_LINE", () => env.FIRST_LINE.limit({ key: "doctor" })),
    ...cronChecks(env, now),
  ];
}

function asked(name: string, ask: () => Promise<unknown>): Check {
  return { name, advice: `${deployAgain}; ${statusPage}`, run: async () => (await ask(), fine("answers")) };
}

function databaseCheck(env: Env, name: DatabaseName): Check {
  const run = async (): Promise<Finding> => {
    const newest = newestMigrations[name];
    const applied = await findMigration(env[name]);
    if (applied === newest) return fine(`answers, at ${newest}`);
    const advice = "apply the migrations before anything else: `arbx deploy d1`";
    if (applied === undefined || applied < newest)
      return { status: "fail", detail: `at ${applied ?? "no migration"}, needs ${newest}`, advice };
    return {
      status: "warn",
      detail: `at ${applied}, newer than the code's ${newest}`,
      advice: "the code was rolled back: deploy the newest",
    };
  };
  return { name: `d1:${name}`, advice: `${deployAgain}; ${statusPage}`, run };
}

function queueCheck(env: Env, name: (typeof queues)[number]): Check {
  const run = async (): Promise<Finding> => {
    const { backlogCount } = await env[name].metrics();
    const detail = `${backlogCount} messages wait`;
    if (backlogCount <= backlogMessagesMany) return fine(detail);
    return {
      status: "warn",
      detail,
      advice: "its consumer falls behind or fails: see `arbx health` and the log lines consumer.batch.done",
    };
  };
  return { name: `queue:${name}`, advice: `${deployAgain}; ${statusPage}`, run };
}

/** Each class once, the channels all: what is asked changes nothing there. */
function objectChecks(env: Env): Check[] {
  const [region = ""] = env.REGIONS.split(",").map((item) => item.trim());
  const advice = `the class throws or is not deployed: look at the log lines of the object; ${deployAgain}`;
  const check = (name: string, run: () => Promise<string>): Check => ({ name, advice, run: async () => fine(await run()) });
  const peek = { v: 1, key: "doctor", allowance: { intervalMs: 1_000, burst: 1 }, need: 0, want: 0 } as const;
  return [
    ...streams.map(({ name }) =>
      check(`object:Channel:${name}`, async () => `at position ${(await channelStub(env, name).status({ v: 1, stream: name })).top}`),
    ),
    check("object:Relay", async () => ((await relayStub(env, relayName(region, 0)).serving()).serving ? "serves" : "is drained")),
    check("object:RateLimiter", async () => (await rateLimiterStub(env, region, 0).take(peek), "answers")),
    check("object:Upstream", async () => `its socket is ${(await upstreamStub(env).status()).state}`),
  ];
}

/** There is no question without an instance: to be told that it does not exist is the answer. */
function workflowCheck(env: Env, name: (typeof workflows)[number]): Check {
  return asked(`workflow:${name}`, async () => {
    try {
      await env[name].get("doctor");
    } catch (error) {
      if (!/not.?found/i.test(messageOf(error))) throw error;
    }
  });
}

/** The Worker is not told of its triggers: what they should have done by now is looked at instead. */
function cronChecks(env: Env, now: number): Check[] {
  const triggers = "see the Worker's triggers and the log lines of scheduled events; `arbx deploy worker` sets them again";
  const compaction = async (): Promise<Finding> => {
    const oldest = await findOverdueHour(env.METRICS_DB, { now, forMs: overdueMs });
    if (oldest === undefined) return fine("no hour waits too long");
    return { status: "warn", detail: `the hour of ${new Date(oldest).toISOString()} is not compacted yet`, advice: triggers };
  };
  const prune = async (): Promise<Finding> => {
    const rows = await countOverdueRows(env, { now, forMs: overdueMs });
    if (rows === 0) return fine("nothing is kept too long");
    return { status: "warn", detail: `at least ${rows} rows of the hot cache are past their time`, advice: triggers };
  };
  return [
    { name: "cron:compaction", advice: "METRICS_DB does not answer", run: compaction },
    { name: "cron:prune", advice: "a database of the hot cache does not answer", run: prune },
  ];
}
