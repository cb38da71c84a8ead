/** Where each recording comes from, under which licence, and how it is read. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export interface Recording {
  readonly repository: string;
  /** Folder under `--from`: the repository's name with `+` for `/`. */
  readonly folder: string;
  readonly licence: string;
  readonly files: readonly string[];
}

export const recordings = {
  rolling: {
    repository: "https://github.com/christoftorres/Rolling-in-the-Shadows",
    folder: "christoftorres+Rolling-in-the-Shadows",
    licence: "MIT, © 2024 Christof Ferreira Torres",
    files: [
      "mev__arbitrage__arbitrum__mev_arbitrage_results_350.json",
      "mev__opportunities__arbitrage__arbitrum__mev_arbitrage_opportunities_175.json",
    ],
  },
  hftbacktest: {
    repository: "https://github.com/nkaz001/hftbacktest",
    folder: "nkaz001+hftbacktest",
    licence: "MIT, © 2022 nkaz001",
    files: ["spot__btcusdt_20240808.gz", "usdm__btcusdt_20240808.gz"],
  },
} as const satisfies Readonly<Record<string, Recording>>;

export type RecordingName = keyof typeof recordings;

export function readRecording(from: string, recording: RecordingName, file: string): string {
  return readFileSync(join(from, recordings[recording].folder, file), "utf8");
}

export function readGzippedRecording(from: string, recording: RecordingName, file: string): string {
  return gunzipSync(readFileSync(join(from, recordings[recording].folder, file))).toString("utf8");
}
