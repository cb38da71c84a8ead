/** `npm start`: the edge on the real runtime, the stand-in Contabo posting to it, and one line a second about what arrived. */
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { messageOf } from "../platform/errors.ts";
import { ContaboApi } from "./api.ts";
import { runContabo } from "./contabo.ts";
import { EdgeClient } from "./edge/client.ts";
import { readDevVars, requireVariable } from "./edge/variables.ts";
import { laneNames, readEventSet } from "./event-set.ts";
import { parseOptions, usage, type StartOptions } from "./options.ts";
import { Run } from "./run.ts";
import { paceLane, sliceLane, type TimedEvent } from "./timeline.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** An event may take 30 s to R2 when traffic is thin (wrangler.toml), and a hole 30 s to heal; three times that is a fault. */
const arrivalTimeoutMs = 120_000;
const lineEveryMs = 1_000;

async function main(): Promise<number> {
  const parsed = parseOptions(process.argv.slice(2));
  if (parsed.kind === "help") return print(usage, 0);
  if (parsed.kind === "bad") return print(`${parsed.message}\n\n${usage}`, 2);
  const stop = new AbortController();
  // Each comes more than once: a terminal and npm both send it. The second must not end us before the runtime has ended.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
  const { port, fresh, state, feed: isFed } = parsed.options;
  const api = isFed ? await ContaboApi.start() : undefined;
  const variables = { ...standIn(api), ...parsed.options.variables };
  try {
    const edge = await EdgeClient.start({ root, port, fresh, state, variables });
    try {
      console.log(greeting(edge, api));
      return api === undefined ? await idle(stop.signal) : await feed({ edge, api }, parsed.options, stop.signal);
    } finally {
      await edge.stop();
    }
  } finally {
    api?.stop();
  }
}

/** Behind /api/proxy, unless `.dev.vars` names a backend. */
function standIn(api: ContaboApi | undefined): Readonly<Record<string, string>> {
  const isNamed = (readDevVars(root)["CONTABO_BACKEND_URL"] ?? "") !== "";
  return api === undefined || isNamed ? {} : { CONTABO_BACKEND_URL: api.url };
}

function print(text: string, exitCode: number): number {
  (exitCode === 0 ? console.log : console.error)(text);
  return exitCode;
}

function greeting({ url, variables }: EdgeClient, api: ContaboApi | undefined): string {
  const [key] = requireVariable(variables, "INGEST_API_KEYS").split(",");
  const event =
    '{"specversion":"1.0","id":"hello-1","source":"me","type":"system.alert","time":"\'$(date -u +%FT%TZ)\'",' +
    '"data":{"level":"info","message":"hello","timestamp":"\'$(date -u +%FT%TZ)\'"}}';
  return [
    "",
    `  REST     ${url.href}api/opportunities`,
    `  sockets  ws://${url.host}/ws`,
    `  health   ${url.href}health`,
    "",
    `  curl ${url.href}api/opportunities?limit=2`,
    ...(api === undefined ? [] : [`  curl ${url.href}api/proxy/opportunities?limit=2`]),
    `  curl ${url.href}health`,
    `  curl ${url.href}api/events -H 'authorization: Bearer ${key}' -H 'content-type: application/json' \\`,
    `    -d '${event}'`,
    "",
  ].join("\n");
}

/** Also when the signal came before anybody waited for it: the edge answers while the start is still under way. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function idle(signal: AbortSignal): Promise<number> {
  console.log("The edge is running. Ctrl-C ends it.");
  await aborted(signal);
  return 0;
}

function readLanes({ sliceSeconds }: StartOptions): TimedEvent[][] {
  const lanes = laneNames.map((name) => paceLane(readEventSet(name)));
  return sliceSeconds === undefined ? lanes : lanes.map((lane) => sliceLane(lane, sliceSeconds));
}

interface Contabo {
  readonly edge: EdgeClient;
  readonly api: ContaboApi;
}

/** Posts the set, printing what arrives; with --once waits for all of it and judges. */
async function feed({ edge, api }: Contabo, options: StartOptions, signal: AbortSignal): Promise<number> {
  const run = await Run.open(edge);
  const lines = setInterval(() => console.log(run.line()), lineEveryMs);
  try {
    const lanes = readLanes(options);
    await runContabo({
      endpoint: { baseUrl: edge.url.origin, apiKey: requireVariable(edge.variables, "INGEST_API_KEYS").split(",")[0] ?? "" },
      lanes,
      speed: options.speed,
      runId: run.id,
      observer: {
        posting: (events, atMs) => {
          run.ledger.posting(events, atMs);
          api.saw(events);
        },
        answered: (events, outcome) => run.ledger.answered(events, outcome),
      },
      signal,
    });
    if (options.once) return await conclude(run, signal);
    console.log("The whole set was posted; the edge keeps running. Ctrl-C ends it.");
    await aborted(signal);
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    // Asked to stop before the end: with --once that is no success.
    return options.once ? 1 : 0;
  } finally {
    clearInterval(lines);
    await run.close();
  }
}

async function conclude(run: Run, signal: AbortSignal): Promise<number> {
  const seconds = run.seconds();
  console.log("The whole set was posted. Waiting for the rest of it to reach D1 and R2: a thin stream's log object takes up to 30 s.");
  const deadline = Date.now() + arrivalTimeoutMs;
  while (!run.hasArrived() && Date.now() < deadline) await sleep(lineEveryMs, undefined, { signal });
  const { text, lost } = await run.conclude(seconds);
  console.log(text);
  return lost === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  // What is wrong outside (a port in use, a missing variable) is said in one line; the edge's own log is in .local/edge.log.
  console.error(`npm start: ${messageOf(error)}`);
  process.exitCode = 1;
}
