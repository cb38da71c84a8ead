/** Reads any window of the log hour by hour. An hour that breaks off is asked for again and goes on behind what was already read, so that
 *  every position comes once, or the reading fails. */
import type { Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { iso } from "../times.ts";

export interface Window {
  readonly stream: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export interface Range {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

export interface Hour {
  readonly hour: string;
  readonly state: "raw" | "compacted" | "dirty" | "quarantined";
  readonly raw_objects: number;
  readonly raw_unlisted: number;
  readonly manifest?: {
    readonly events: number;
    readonly copies: number;
    readonly conflicts: number;
    readonly missing_positions: number;
    readonly bytes: number;
    readonly text_bytes: number;
    readonly parts: number;
  };
}

export interface Hours {
  readonly hours: readonly Hour[];
  readonly missing: readonly Range[];
  readonly quarantine: readonly { readonly key?: string; readonly reason?: string }[];
}

/** What the edge says at the end of what it read. */
export interface Coverage {
  readonly events: number;
  readonly copies: number;
  readonly conflicts: number;
  readonly missing: readonly Range[];
  readonly quarantined: readonly { readonly key: string; readonly reason: string }[];
}

export interface LoggedLine {
  readonly epoch: string;
  readonly offset: number;
  readonly at: number;
  /** The line as it was sent. */
  readonly text: string;
}

export interface ReadHour {
  readonly hour: Hour;
  /** Whether the window holds all of it. */
  readonly whole: boolean;
  readonly coverage: Coverage;
}

export interface Reader {
  line(line: LoggedLine): Promise<void> | void;
  /** A line that is none of the log's. */
  corrupt(text: string): void;
  hour(read: ReadHour): void;
}

const hourMs = 3_600_000;
const daysPerAsk = 7;
const dayMs = 24 * hourMs;
/** A week of hours is 168 manifests to read over there. */
const hoursTimeoutMs = 30_000;
/** In a row, without a line between them. */
const breaksMax = 3;
const breakPauseMs = 1_000;
const head = /^\{"epoch":"([^"\\]{1,64})","offset":(\d{1,16}),"at":(\d{1,16}),/;

export async function readHours({ edge }: Pick<Session, "edge">, { stream, from, to }: Window): Promise<Hours> {
  if (to <= from) throw new CliError("usage", "--from must be before --to");
  const found: { hours: Hour[]; missing: Range[]; quarantine: Hours["quarantine"] } = { hours: [], missing: [], quarantine: [] };
  // Cut between hours: one that lies in two answers would be told twice.
  for (let start = from; start < to; start = Math.floor(start / dayMs) * dayMs + daysPerAsk * dayMs) {
    const end = Math.min(to, Math.floor(start / dayMs) * dayMs + daysPerAsk * dayMs);
    const query = { stream, from: iso(start), to: iso(end) };
    const { hours, missing, quarantine } = await edge.get<Hours>("/ops/logs/hours", { query, timeoutMs: hoursTimeoutMs });
    found.hours.push(...hours);
    found.missing.push(...missing);
    found.quarantine = quarantine;
  }
  return found;
}

/** Hands over every line of those hours that lies in the window, in order. */
export async function readLog(
  session: Session,
  window: Window,
  { hours, reader }: { readonly hours: readonly Hour[]; readonly reader: Reader },
): Promise<void> {
  const last: Last = { epoch: undefined, offset: 0 };
  for (const hour of hours) {
    const startMs = Date.parse(hour.hour);
    const part = { ...window, from: Math.max(window.from, startMs), to: Math.min(window.to, startMs + hourMs) };
    const coverage = await readPatiently(session, part, { last, reader });
    reader.hour({ hour, whole: part.from === startMs && part.to === startMs + hourMs, coverage });
  }
}

/** The last position handed over. */
interface Last {
  epoch: string | undefined;
  offset: number;
}

interface Handing {
  readonly last: Last;
  readonly reader: Reader;
}

async function readPatiently(session: Session, part: Window, handing: Handing): Promise<Coverage> {
  for (let breaks = 0; ;) {
    const before = handing.last.offset;
    try {
      return await readPart(session, part, handing);
    } catch (error) {
      breaks = handing.last.offset === before ? breaks + 1 : 1;
      if (!(error instanceof CliError) || !error.passing || breaks >= breaksMax) throw error;
      await session.world.sleep(breakPauseMs, session.signal);
    }
  }
}

async function readPart({ edge }: Session, { stream, from, to }: Window, { last, reader }: Handing): Promise<Coverage> {
  let coverage: Coverage | undefined;
  // The hour has begun anew: what it corrupts is told once.
  const corrupt: string[] = [];
  for await (const text of edge.lines("/ops/logs", { query: { stream, from: iso(from), to: iso(to), summary: true } })) {
    if (text.startsWith('{"summary":')) coverage = (JSON.parse(text) as { summary: Coverage }).summary;
    else {
      const line = parseHead(text);
      if (line === undefined) corrupt.push(text);
      else if (line.epoch !== last.epoch || line.offset > last.offset) {
        Object.assign(last, { epoch: line.epoch, offset: line.offset });
        await reader.line(line);
      }
    }
  }
  if (coverage === undefined) throw new CliError("failed", "the log broke off", { code: "BROKEN_OFF", passing: true });
  for (const text of corrupt) reader.corrupt(text);
  return coverage;
}

export function parseHead(text: string): LoggedLine | undefined {
  const [, epoch, offset, at] = head.exec(text) ?? [];
  return epoch === undefined ? undefined : { epoch, offset: Number(offset), at: Number(at), text };
}
