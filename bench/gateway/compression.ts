/** `npm run bench -- compression`: how small the edge's real answers become, and what CPU that takes, for each coding. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { codings } from "../../gateway/optimisation/compression/codings.ts";
import { readDevVars, requireVariable } from "../../demo/edge/variables.ts";
import { compressWholeBytesMax } from "../../schemas/limits.ts";
import type { Bench } from "../index.ts";
import { calm } from "../load/measure.ts";
import { usageOf } from "../load/process.ts";
import { rotated } from "../load/rounds.ts";
import { startEdge } from "../peers/edge.ts";
import { startRuntime, type Runtime } from "../peers/runtime.ts";
import { host } from "../peers/server.ts";
import { renderPayload, renderPromise, type Compressed } from "./compression-report.ts";
import { payloadsOf, type Payload } from "./payloads.ts";

const options = { rounds: { type: "string", default: "3" }, levels: { type: "boolean", default: false } } as const;

export const compressionBench: Bench = {
  summary: "how much smaller brotli, zstd and gzip make the edge's real answers, and at what CPU",
  usage: ["--rounds 3  interleaved", "--levels    each coding's levels as well, for choosing them"].join("\n"),
  run: runCompression,
};

const root = resolve(import.meta.dirname, "../..");
/** Levels that were considered. */
const levels = { zstd: [1, 3, 6], br: [3, 4, 5, 6], gzip: [1, 4, 5, 6] } as const;
/** One measurement compresses about so much, whatever the size of a body. */
const measuredBytes = 6 * 1_048_576;
const timesMax = 400;

interface Contender {
  readonly coding: (typeof codings)[number];
  readonly level?: number;
}

async function runCompression(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const payloads = await readPayloads();
  const compressor = await startRuntime(resolve(root, "bench/worker/peers/compressor.ts"), {
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
  });
  try {
    const all: Compressed[] = [];
    for (const payload of payloads) {
      const results = await measureAll(compressor, payload, { rounds: Number(values.rounds), withLevels: values.levels });
      console.log(renderPayload(payload.name, results));
      all.push(...results);
    }
    console.log(renderPromise(all));
    return 0;
  } finally {
    await compressor.stop();
  }
}

async function readPayloads(): Promise<Payload[]> {
  const edge = await startEdge("worker.ts");
  try {
    return await payloadsOf(edge, requireVariable(readDevVars(root), "OPS_API_KEY"));
  } finally {
    await edge.stop();
  }
}

async function measureAll(
  compressor: Runtime,
  payload: Payload,
  { rounds, withLevels }: { readonly rounds: number; readonly withLevels: boolean },
): Promise<Compressed[]> {
  const ours: Contender[] = codings.map((coding) => ({ coding }));
  const others = codings.flatMap((coding) => levels[coding].map((level): Contender => ({ coding, level })));
  // zstd's one call takes no more than that (compression/encode.ts).
  const contenders = withLevels && payload.bytes.byteLength <= compressWholeBytesMax ? [...ours, ...others] : ours;
  const measured = new Map(contenders.map((contender) => [contender, { bytes: 0, micros: [] as number[] }]));
  // Cold code costs several times as much.
  for (const contender of contenders) await compress(compressor, payload, { ...contender, times: 3 });
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of rotated(contenders, round)) {
      const into = measured.get(contender);
      const { bytes, micros } = await measureOne(compressor, payload, contender);
      if (into === undefined) continue;
      into.bytes = bytes;
      into.micros.push(micros);
    }
  }
  return contenders.map((contender) => {
    const { bytes = 0, micros = [] } = measured.get(contender) ?? {};
    const name = contender.level === undefined ? contender.coding : `${contender.coding} ${contender.level}`;
    return { coding: name, plainBytes: payload.bytes.byteLength, bytes, micros };
  });
}

async function measureOne(compressor: Runtime, payload: Payload, contender: Contender): Promise<{ bytes: number; micros: number }> {
  const wanted = Math.ceil(measuredBytes / payload.bytes.byteLength);
  const times = Math.min(timesMax, Math.max(2, wanted));
  await calm(compressor.pids);
  const before = usageOf(compressor.pids);
  const bytes = await compress(compressor, payload, { ...contender, times });
  return { bytes, micros: ((usageOf(compressor.pids).cpuMs - before.cpuMs) * 1_000) / times };
}

async function compress(compressor: Runtime, payload: Payload, work: Contender & { readonly times: number }): Promise<number> {
  const { coding, level, times } = work;
  const query = new URLSearchParams({ coding, times: String(times), ...(level === undefined ? {} : { level: String(level) }) });
  if (payload.isLines) query.set("lines", "");
  const response = await fetch(`http://${host}:${compressor.port}/?${query}`, { method: "POST", body: new Uint8Array(payload.bytes) });
  if (response.status !== 200) throw new Error(`the compressor answered ${response.status}`);
  return ((await response.json()) as { bytes: number }).bytes;
}
