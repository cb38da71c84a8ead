/** The compression bench's lines. Pure. */
import { showSpread, spreadOf } from "../load/rounds.ts";

export interface Compressed {
  readonly coding: string;
  readonly plainBytes: number;
  readonly bytes: number;
  /** CPU of one body, a value a round. */
  readonly micros: readonly number[];
}

/** What the seed promises. */
const promised: Readonly<Record<string, number>> = { br: 0.8, gzip: 0.65 };

export function savedOf({ plainBytes, bytes }: Compressed): number {
  return 1 - bytes / plainBytes;
}

export function renderPayload(name: string, results: readonly Compressed[]): string {
  const [first] = results;
  const head = `${name}: ${first?.plainBytes ?? 0} B`;
  return [head, ...results.map(renderLine)].join("\n");
}

function renderLine(result: Compressed): string {
  const { coding, bytes, micros, plainBytes } = result;
  const { median } = spreadOf(micros);
  const saved = `${(savedOf(result) * 100).toFixed(1)} %`;
  const rate = `${((median / plainBytes) * 1_024).toFixed(1)} µs/KiB`;
  return `  ${coding.padEnd(8)} ${String(bytes).padStart(8)} B  ${saved.padStart(7)} smaller   ${showSpread(spreadOf(micros), 0)} µs  ${rate}`;
}

/** Over all payloads together, as bytes on the line are. */
export function renderPromise(all: readonly Compressed[]): string {
  return Object.entries(promised)
    .map(([coding, share]) => {
      const mine = all.filter((result) => result.coding === coding);
      const sum = (pick: (result: Compressed) => number): number => mine.reduce((total, result) => total + pick(result), 0);
      const saved = 1 - sum(({ bytes }) => bytes) / sum(({ plainBytes }) => plainBytes);
      const least = Math.min(...mine.map(savedOf));
      const verdict = saved >= share ? "met" : "MISSED";
      return `${coding}: ${(saved * 100).toFixed(1)} % smaller in all, ${(least * 100).toFixed(1)} % at least; the seed promises ${share * 100} %: ${verdict}`;
    })
    .join("\n");
}
