/** How far a replay is, line by line. What it hands out as checkpoint holds exactly what was noted before: the position and every count in
 *  one piece, so that whoever goes on from it counts nothing twice and leaves nothing out. */
import { replayNamedMax } from "../../schemas/limits-replay.ts";
import type { ReplayCheckpoint, StreamRange } from "../../schemas/replay.ts";
import type { ReplayLine, Taken } from "./sink.ts";

type Draft = { -readonly [Key in keyof ReplayCheckpoint]: ReplayCheckpoint[Key] };

export class Progress {
  readonly #draft: Draft;
  readonly #missing: StreamRange[];

  /** Goes on from `checkpoint`; a run that is not its own measures its rate and its pace anew. */
  constructor(checkpoint: ReplayCheckpoint, { run, nowMs }: { readonly run: number; readonly nowMs: number }) {
    const { since, anchor, ...kept } = checkpoint;
    const own = checkpoint.run === run;
    this.#draft = {
      ...kept,
      cursors: { ...kept.cursors },
      taken: { ...kept.taken },
      run,
      since: own && since !== undefined ? since : { wallMs: nowMs, read: kept.read },
      ...(own && anchor !== undefined ? { anchor } : {}),
    };
    this.#missing = [...kept.missing];
  }

  get matched(): number {
    return this.#draft.matched;
  }

  get checkpoint(): ReplayCheckpoint {
    return structuredClone({ ...this.#draft, missing: this.#missing });
  }

  /** The run's first line sets it. */
  anchorAt(line: ReplayLine, nowMs: number): NonNullable<ReplayCheckpoint["anchor"]> {
    this.#draft.anchor ??= { wallMs: nowMs, at: line.at };
    return this.#draft.anchor;
  }

  note(line: ReplayLine, matches: boolean): void {
    const { stream, epoch, offset, at } = line;
    const draft = this.#draft;
    const before = draft.cursors[stream];
    if (before?.epoch === epoch && offset > before.offset + 1) this.#miss({ stream, epoch, first: before.offset + 1, last: offset - 1 });
    draft.cursors[stream] = { epoch, offset, at };
    draft.position = { stream, epoch, offset, at };
    draft.read += 1;
    if (!matches) return;
    draft.matched += 1;
    draft.chars += line.text.length;
  }

  sent(lines: number, taken: Taken): void {
    this.#draft.sent += lines;
    for (const [name, count] of Object.entries(taken)) this.#draft.taken[name] = (this.#draft.taken[name] ?? 0) + count;
  }

  #miss(range: StreamRange): void {
    this.#draft.missingPositions += range.last - range.first + 1;
    if (this.#missing.length < replayNamedMax) this.#missing.push(range);
  }
}
