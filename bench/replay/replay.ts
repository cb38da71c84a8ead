/** `npm run bench -- replay`: events a second of a dry run and of a rebuild, from raw objects and from Parquet, beside `zcat | wc -l` of the
 *  very objects. Rounds are interleaved: ratios are taken within each. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { hourOf } from "../../stores/event-log.ts";
import type { Bench } from "../index.ts";
import { calm } from "../load/measure.ts";
import { usageOf } from "../load/process.ts";
import { rotated } from "../load/rounds.ts";
import { renderReport, type Measured, type Results } from "./report.ts";
import { startServer, type ReplayServer } from "./server.ts";

const options = {
  events: { type: "string", default: "100000" },
  rounds: { type: "string", default: "5" },
  rebuilds: { type: "string", default: "2" },
  json: { type: "boolean", default: false },
} as const;

export const replayBench: Bench = {
  summary: "events a second of a replay's dry run and rebuild, from gzip and from Parquet, beside zcat | wc -l",
  usage: [
    "--events 100000  in the hour that is replayed",
    "--rounds 5       interleaved",
    "--rebuilds 2     rounds in which D1 is rebuilt as well, which takes far longer",
    "--json           print every run as well",
  ].join("\n"),
  run: runReplayBench,
};

async function runReplayBench(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const events = Number(values.events);
  const server = await startServer();
  try {
    // Two hours with the same events: one stays raw, the other becomes Parquet.
    const raw = hourOf(Date.now()) - 3;
    const compacted = raw - 1;
    for (const hour of [raw, compacted]) if ((await server.ask(`/fill?hour=${hour}&events=${events}`)) !== events) return 1;
    const files = (await server.copyRaw()).slice(-Math.ceil(events / 6_000));
    await server.ask(`/compact?hour=${compacted}`);
    const ways: Ways = {
      zcat: async () => pipe(files, events),
      raw: () => replayOnce(server, { path: `/dry-run?hour=${raw}`, events }),
      parquet: () => replayOnce(server, { path: `/dry-run?hour=${compacted}`, events }),
      "rebuild raw": () => rebuildOnce(server, { path: `/rebuild?hour=${raw}`, events }),
      "rebuild parquet": () => rebuildOnce(server, { path: `/rebuild?hour=${compacted}`, events }),
    };
    const results = await rounds(ways, { rounds: Number(values.rounds), rebuilds: Number(values.rebuilds) });
    console.log(renderReport(events, results));
    if (values.json) console.log(JSON.stringify(results));
    return 0;
  } finally {
    await server.stop();
  }
}

type Ways = Readonly<Record<keyof Results, () => Promise<Measured>>>;

async function rounds(ways: Ways, { rounds: count, rebuilds }: { readonly rounds: number; readonly rebuilds: number }): Promise<Results> {
  const results: Record<keyof Results, Measured[]> = { zcat: [], raw: [], parquet: [], "rebuild raw": [], "rebuild parquet": [] };
  const readers = ["zcat", "raw", "parquet"] as const;
  const all = [...readers, "rebuild raw", "rebuild parquet"] as const;
  // Cold code costs several times as much.
  for (const name of readers) await ways[name]();
  for (let round = 0; round < count; round += 1) {
    for (const name of rotated(round < rebuilds ? all : readers, round)) results[name].push(await ways[name]());
  }
  return results;
}

interface Run {
  readonly path: string;
  readonly events: number;
}

async function replayOnce({ ask, pids }: ReplayServer, { path, events }: Run): Promise<Measured> {
  await calm(pids);
  const before = usageOf(pids);
  const answer = (await ask(path)) as { readonly state?: string; readonly error?: string; readonly matched?: number };
  const after = usageOf(pids);
  if (answer.state !== "done" || answer.matched !== events) throw new Error(`${path}: ${JSON.stringify(answer).slice(0, 300)}`);
  return { seconds: (after.atMs - before.atMs) / 1_000, cpuSeconds: (after.cpuMs - before.cpuMs) / 1_000 };
}

async function rebuildOnce(server: ReplayServer, run: Run): Promise<Measured> {
  await server.ask("/empty");
  return replayOnce(server, run);
}

/** By bash's own clock, which counts what its children used. */
function pipe(files: readonly string[], events: number): Measured {
  const script = `TIMEFORMAT='%R %U %S'; time zcat ${files.map((path) => `'${path}'`).join(" ")} | wc -l`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  const [seconds = 0, user = 0, system = 0] = stderr.trim().split(" ").map(Number);
  if (status !== 0 || Number(stdout) !== events) throw new Error(`zcat | wc -l answered ${stdout.trim()} ${stderr}`);
  return { seconds, cpuSeconds: user + system };
}
