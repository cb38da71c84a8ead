/** Decides what becomes of a batch: repeats, positions, staleness and rows. Pure: nothing changes until the plan is written and committed. */
import { logRowBytesMax } from "../../schemas/limits.ts";
import type { LogRow, Publication } from "../../schemas/rpc.ts";
import { compareVersions } from "../../schemas/version.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import type { EntityState, SeenIndex } from "./seen.ts";

export interface Head {
  /** Offset of the last sequenced event; 0 before the first. */
  readonly top: number;
  /** When it was sequenced. */
  readonly at: number;
}

export interface StoredRow extends LogRow {
  readonly bytes: number;
}

export interface Plan {
  readonly head: Head;
  readonly rows: readonly StoredRow[];
  /** Position of each event in request order; a repeat's is its original one. */
  readonly offsets: readonly number[];
  readonly duplicates: readonly number[];
  /** What to remember once the rows are written. */
  readonly fresh: readonly { readonly event: Publication; readonly offset: number }[];
}

interface Draft {
  first: number;
  bytes: number;
  readonly stale: number[];
  readonly earlier: number[];
  readonly texts: string[];
}

export function sequence(head: Head, seen: SeenIndex, batch: { readonly events: readonly Publication[]; readonly now: number }): Plan {
  // Never decreasing: an hour of the log is one contiguous range of offsets (DESIGN 14).
  const at = Math.max(head.at, batch.now);
  const offsets: number[] = [];
  const duplicates: number[] = [];
  const fresh: { event: Publication; offset: number }[] = [];
  const idsHere = new Map<string, number>();
  const entitiesHere = new Map<string, EntityState>();
  const drafts: Draft[] = [];
  let top = head.top;
  batch.events.forEach((event, index) => {
    const original = idsHere.get(event.key) ?? seen.findOffset(event.key);
    if (original !== undefined) {
      offsets.push(original);
      duplicates.push(index);
      return;
    }
    top += 1;
    const known = entitiesHere.get(event.entity) ?? seen.findEntity(event.entity);
    const stale = known !== undefined && compareVersions(known, event) > 0;
    entitiesHere.set(event.entity, { ...(stale ? known : event), offset: top });
    idsHere.set(event.key, top);
    offsets.push(top);
    fresh.push({ event, offset: top });
    append(drafts, { text: event.text, offset: top, stale, earlier: known?.offset ?? 0 });
  });
  return { head: top === head.top ? head : { top, at }, rows: drafts.map((draft) => toRow(draft, at)), offsets, duplicates, fresh };
}

function append(drafts: Draft[], line: { text: string; offset: number; stale: boolean; earlier: number }): void {
  const bytes = utf8Bytes(line.text) + 1;
  let draft = drafts.at(-1);
  if (draft === undefined || draft.bytes + bytes > logRowBytesMax) {
    draft = { first: line.offset, bytes: 0, stale: [], earlier: [], texts: [] };
    drafts.push(draft);
  }
  draft.bytes += bytes;
  if (line.stale) draft.stale.push(line.offset);
  draft.earlier.push(line.earlier);
  draft.texts.push(line.text);
}

function toRow({ first, bytes, stale, earlier, texts }: Draft, at: number): StoredRow {
  return { first, count: texts.length, at, bytes, stale, earlier, lines: texts.join("\n") };
}
