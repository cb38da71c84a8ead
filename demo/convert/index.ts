/** `node demo/convert/index.ts --from <recordings> [--out demo/events]`: derives the demo's canonical event set from the raw
 *  recordings. Run twice it writes the same bytes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { lifecycleOf } from "./arbitrum.ts";
import { gapEvents, gapMetrics } from "./btc.ts";
import { compareDrafts, renderDraft, type Draft } from "./draft.ts";
import { findGaps } from "./gaps.ts";
import { joinBooks, parseQuotes } from "./quotes.ts";
import { readRecording, readGzippedRecording, recordings, type RecordingName } from "./recordings.ts";
import { joinArbitrages } from "./rolling.ts";
import { describeSet, packSet, type PackedSet } from "./set.ts";
import { reportsOn } from "./totals.ts";

function arbitrumDrafts(from: string): Draft[] {
  const executions = readRecording(from, "rolling", "mev__arbitrage__arbitrum__mev_arbitrage_results_350.json");
  const openings = readRecording(from, "rolling", "mev__opportunities__arbitrage__arbitrum__mev_arbitrage_opportunities_175.json");
  const drafts = joinArbitrages(executions, openings).flatMap(lifecycleOf);
  return [...drafts, ...reportsOn(drafts)];
}

function btcDrafts(from: string): Draft[] {
  const spot = parseQuotes(readGzippedRecording(from, "hftbacktest", "spot__btcusdt_20240808.gz"), "binance_spot");
  const usdm = parseQuotes(readGzippedRecording(from, "hftbacktest", "usdm__btcusdt_20240808.gz"), "binance_usdm");
  const states = joinBooks(spot, usdm);
  return [...gapEvents(findGaps(states)), ...gapMetrics(states)];
}

function convert(from: string, out: string): void {
  const sets: [name: string, recording: RecordingName, drafts: Draft[]][] = [
    ["arbitrum", "rolling", arbitrumDrafts(from)],
    ["btc", "hftbacktest", btcDrafts(from)],
  ];
  mkdirSync(out, { recursive: true });
  const packed: PackedSet[] = sets.map(([name, recording, drafts]) => {
    const lines = drafts.toSorted(compareDrafts).map(renderDraft);
    const set = packSet({ name, recording: recordings[recording], commit: readRecording(from, recording, "COMMIT").trim(), lines });
    writeFileSync(join(out, `${name}.ndjson.gz`), set.gzipped);
    return set;
  });
  writeFileSync(join(out, "SOURCES.md"), describeSet(packed));
  for (const set of packed) console.log(`${set.name}: ${set.events} events, ${set.gzipped.byteLength} bytes gzipped`);
}

const { values } = parseArgs({ options: { from: { type: "string" }, out: { type: "string", default: "demo/events" } } });
if (values.from === undefined) {
  console.error("usage: node demo/convert/index.ts --from <folder of the recordings> [--out demo/events]");
  process.exitCode = 2;
} else {
  convert(values.from, values.out);
}
