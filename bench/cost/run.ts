/** One run: subscribers in every region, the planned posts at their due times, then waiting until everything is stored, then the clean-up
 *  that each event will cost one day: pruned D1 rows. Log rows cost none, as the next row is written over the oldest. */
import { setTimeout as sleep } from "node:timers/promises";
import { postBatch } from "../../demo/post.ts";
import { Subscriber } from "../../demo/subscriber.ts";
import { mintToken } from "../../demo/token.ts";
import { streams } from "../../channels/catalogue.ts";
import { renderEvent } from "../../schemas/render.ts";
import { pick, since, sum, totalOf, type Counts } from "./counts.ts";
import { startEdge, type Edge } from "./edge.ts";
import { mixOf, planEvents, planPosts, type Life, type Mix, type PlannedPost } from "./lives.ts";
import { Steering, type Life as D1Life } from "./steering.ts";

export interface RunOptions {
  readonly root: string;
  readonly lives: readonly Life[];
  readonly events: number;
  readonly batch: number;
  readonly eventsPerSecond: number;
  /** Ignore due times. */
  readonly fast: boolean;
  readonly roundTripMs: Readonly<Record<string, number>>;
}

export interface RunResult {
  readonly options: RunOptions;
  readonly mix: Mix;
  readonly counts: Counts;
  readonly cpuMs: number | undefined;
  readonly postSeconds: number;
  readonly drainSeconds: number;
  readonly accepted: number;
  /** Posts that did not leave in time because the edge was slow. */
  readonly latePosts: number;
  readonly relays: number;
  /** Distinct events each subscriber saw. */
  readonly seen: readonly number[];
  readonly d1Life: D1Life;
  /** What went wrong, empty when nothing was lost. */
  readonly losses: readonly string[];
}

/** Rendering and re-basing take about this long; event times start there. */
const prepareMs = 8_000;
const drainTimeoutMs = 120_000;
const pollMs = 500;
/** Past every retention. */
const farMs = 366 * 24 * 3_600_000;

export async function runOnce(options: RunOptions): Promise<RunResult> {
  const edge = await startEdge(options.root);
  try {
    return await measure(edge, options);
  } finally {
    await edge.stop();
  }
}

async function measure(edge: Edge, options: RunOptions): Promise<RunResult> {
  const steering = new Steering(edge.url);
  await steering.setRoundTrips(options.roundTripMs);
  const startMs = Date.now() + prepareMs;
  const posts = planPosts(
    planEvents(options.lives, { events: options.events, eventsPerSecond: options.eventsPerSecond, startMs }),
    options.batch,
  );
  const bodies = posts.map(bodyOf);
  const events = posts.flatMap((post) => post.events);
  const audience = await openAudience(edge);
  await sleep(Math.max(0, startMs - Date.now()));

  const before = { counts: await steering.counts(), cpuMs: edge.cpuMs(), at: performance.now() };
  const posted = await postAll(edge, { posts, bodies, fast: options.fast });
  const postSeconds = (performance.now() - before.at) / 1_000;
  await drain(steering, options.events);
  const run = since(before.counts, await steering.counts());
  const cpuMs = edge.cpuMs();
  const drainSeconds = (performance.now() - before.at) / 1_000 - postSeconds;

  const relays = new Set((await steering.status()).flatMap((status) => status.relays.map(({ relay }) => relay))).size;
  const cleanup = await measureCleanup(steering);
  const d1Life = await steering.d1Life(lifeSteps(options.lives));
  for (const { subscriber } of audience) subscriber.close();
  const seen = audience.map(({ ids }) => ids.size);
  return {
    options,
    mix: mixOf(
      events,
      events.reduce((bytes, event) => bytes + Buffer.byteLength(renderEvent(event)), 0),
    ),
    counts: sum(run, cleanup),
    cpuMs: cpuMs === undefined || before.cpuMs === undefined ? undefined : cpuMs - before.cpuMs,
    postSeconds,
    drainSeconds,
    accepted: posted.accepted,
    latePosts: posted.late,
    relays,
    seen,
    d1Life,
    losses: lossesOf({
      options,
      accepted: posted.accepted,
      seen,
      regions: edge.regions,
      complaints: audience.flatMap(({ subscriber }) => subscriber.complaints),
    }),
  };
}

function bodyOf({ events }: PlannedPost): string {
  const texts = events.map(renderEvent);
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(",")}]`;
}

interface Listener {
  readonly subscriber: Subscriber;
  readonly ids: ReadonlySet<string>;
}

/** One native client per region on every stream. */
async function openAudience(edge: Edge): Promise<Listener[]> {
  const listeners = edge.regions.map((region): Listener => {
    const ids = new Set<string>();
    const url = `ws://${edge.url.host}/ws?bench_region=${region}`;
    const channels = streams.map(({ name }) => name);
    return { ids, subscriber: new Subscriber({ url, channels, mintToken: () => mintToken(edge.variables), onEvent: (id) => ids.add(id) }) };
  });
  await Promise.race([
    Promise.all(listeners.map(({ subscriber }) => subscriber.ready)),
    sleep(20_000).then(() =>
      Promise.reject(
        new Error(`not every region was subscribed: ${listeners.flatMap(({ subscriber }) => subscriber.complaints).join("; ")}`),
      ),
    ),
  ]);
  return listeners;
}

/** Posts in flight at once: enough for a steady rate, few enough for a laptop. */
const inFlightMax = 32;

async function postAll(
  edge: Edge,
  { posts, bodies, fast }: { posts: readonly PlannedPost[]; bodies: readonly string[]; fast: boolean },
): Promise<{ accepted: number; late: number }> {
  const endpoint = { baseUrl: edge.url.origin, apiKey: edge.apiKey };
  const signal = AbortSignal.timeout(30 * 60_000);
  const startedAt = performance.now();
  const pending = new Set<Promise<void>>();
  const totals = { accepted: 0, late: 0 };
  for (const [index, { dueMs }] of posts.entries()) {
    const waitMs = fast ? 0 : dueMs - (performance.now() - startedAt);
    if (waitMs > 0) await sleep(waitMs);
    else if (!fast && waitMs < -100) totals.late += 1;
    while (pending.size >= inFlightMax) await Promise.race(pending);
    const post: Promise<void> = postBatch(endpoint, bodies[index] ?? "", signal)
      .then(({ accepted, duplicates }) => void (totals.accepted += accepted + duplicates))
      .finally(() => pending.delete(post));
    pending.add(post);
  }
  await Promise.all(pending);
  return totals;
}

/** Until every event is with its queues, in D1, in R2 and with every relay. */
async function drain(steering: Steering, events: number): Promise<void> {
  const endAt = performance.now() + drainTimeoutMs;
  for (;;) {
    const [status, counts] = [await steering.status(), await steering.counts()];
    const sequenced = status.reduce((total, { top }) => total + top, 0);
    const handedOver = status.every(({ outbox, settled, top }) => settled === top && Object.values(outbox).every((depth) => depth === 0));
    const delivered = status.every(({ relays, top }) => relays.every(({ position }) => position === top));
    const consumed = ["hot-cache", "event-log", "inbox"].every(
      (queue) => totalOf(counts, `queue.${queue}.write`) <= totalOf(counts, `queue.${queue}.delete`),
    );
    if (sequenced >= events && handedOver && delivered && consumed) return;
    if (performance.now() > endAt) throw new Error(`not drained: ${JSON.stringify({ status, counts })}`);
    await sleep(pollMs);
  }
}

/** Rows that the run's events will cost later. Other work of the same moment (leases that ended with the moved clock) is left out. */
async function measureCleanup(steering: Steering): Promise<Counts> {
  const before = await steering.counts();
  return pick(since(before, await steering.prune(farMs)), (name) => name.startsWith("d1."));
}

/** Opportunities of each recording, state by state: the D1 rows of a life that no batch window shortens. */
function lifeSteps(lives: readonly Life[]): { name: string; events: string[] }[] {
  const opportunities = lives.map((life) => life.filter(({ type }) => type.startsWith("opportunity."))).filter((life) => life.length >= 2);
  const withUpdates = opportunities.filter((life) => life.length >= 3);
  const step = (name: string, of: readonly Life[], at: number) => ({
    name,
    events: of.flatMap((life) => life.at(at) ?? []).map(renderEvent),
  });
  return [
    step("detected", opportunities, 0),
    step("one update", withUpdates, 1),
    step("the same update again", withUpdates, 1),
    step("stale: the detection again", withUpdates, 0),
    step("final state", opportunities, -1),
  ];
}

function lossesOf(run: {
  options: RunOptions;
  accepted: number;
  seen: readonly number[];
  regions: readonly string[];
  complaints: readonly string[];
}): string[] {
  const { events } = run.options;
  const losses = run.accepted === events ? [] : [`${run.accepted} of ${events} events were accepted`];
  run.seen.forEach((count, index) => {
    if (count < events) losses.push(`the subscriber in ${run.regions[index]} saw ${count} of ${events} events`);
  });
  return [...losses, ...run.complaints];
}
