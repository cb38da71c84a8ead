/** Packs rendered events into the committed set and describes it. Same lines, same bytes: the gzip header carries no time. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Recording } from "./recordings.ts";

export interface SetInput {
  readonly name: string;
  readonly recording: Recording;
  /** `<commit> <date>` of the recording. */
  readonly commit: string;
  readonly lines: readonly string[];
}

export interface PackedSet extends SetInput {
  readonly events: number;
  readonly gzipped: Buffer;
  /** Of the plain text: another zlib may compress it to other bytes. */
  readonly sha256: string;
}

export function packSet(input: SetInput): PackedSet {
  const text = input.lines.map((line) => `${line}\n`).join("");
  const gzipped = gzipSync(text, { level: 9 });
  return { ...input, events: input.lines.length, gzipped, sha256: createHash("sha256").update(text).digest("hex") };
}

export function describeSet(sets: readonly PackedSet[]): string {
  const parts = sets.map((set) => {
    const [commit = "", date = ""] = set.commit.split(" ");
    return [
      `## ${set.name}.ndjson.gz`,
      "",
      `- Derived from: ${set.recording.repository}`,
      `- Commit: ${commit} (${date})`,
      `- Licence of the recording: ${set.recording.licence}; its text is in the repository's LICENSE`,
      `- Files read: ${set.recording.files.join(", ")}`,
      `- Events: ${set.events}, ${set.gzipped.byteLength} bytes gzipped`,
      `- SHA-256 of the plain text: ${set.sha256}`,
      "",
      ...countTable(set.lines),
      "",
    ].join("\n");
  });
  const head = [
    "# Where the demo's events come from",
    "",
    "Written by `demo/convert/index.ts`; the rules are in `demo/README.md`. These are canonical events derived from the recordings,",
    "not copies of them. Times are the recorded ones; posting re-bases them and keeps the original under `metadata.recorded_at`.",
    "",
    "",
  ].join("\n");
  return `${head}${parts.join("\n")}`;
}

function countTable(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const { type } = JSON.parse(line) as { type: string };
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  const rows = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([type, count]) => `| ${type} | ${count} |`);
  return ["| type | events |", "|---|---:|", ...rows];
}
