/** The sockets of one relay, by group and by how far they are away: what a flush sends them, how long that takes, and how old the events
 *  are on arrival. Checks that each offset is shown once, in order. */
import type { LogRow } from "../schemas/rpc.ts";
import { distanceMs, homeOf, lastMileMs } from "./geography.ts";
import type { Clients } from "./crowd.ts";
import type { Costs } from "./cpu.ts";
import type { Tally } from "./tally.ts";
import { Spread } from "./spread.ts";
import { countByView, groupKinds, viewCount, type FrameBytes } from "./views.ts";
import type { LocationHint } from "../platform/config.ts";

/** As the native dialect cuts batch frames (channels/dialects/native.ts). */
const batchBytesMax = 262_144;

/** Sockets that get the same frames over the same distance. */
interface Party {
  readonly group: number;
  readonly accessMs: number;
  readonly farthest: string;
  count: number;
}

export interface AudienceDeps {
  readonly region: LocationHint;
  readonly costs: Costs;
  readonly tally: Tally;
  readonly frameBytes: FrameBytes;
  readonly jitter: number;
}

/** The slowest arrival so far. */
export interface Arrival {
  readonly ms: number;
  readonly postedAt: number;
  readonly takenAt: number;
  readonly flushedAt: number;
  readonly sentAt: number;
  readonly accessMs: number;
  readonly country: string;
  readonly carrier: string | undefined;
}

/** A row with how it came. */
export interface TakenRow {
  readonly row: LogRow;
  readonly takenAt: number;
  readonly carrier: string | undefined;
}

export class Audience {
  readonly latency = new Spread();
  sockets = 0;
  longestFlushMs = 0;
  /** Up to here sockets were shown everything. */
  shown = 0;
  worst: Arrival | undefined;
  readonly #deps: AudienceDeps;
  /** The countries stay apart only for those who move. */
  #clients = new Map<string, Clients>();
  #parties = new Map<string, Party>();

  constructor(deps: AudienceDeps) {
    this.#deps = deps;
  }

  add(clients: Clients): void {
    const { cohort, group, count } = clients;
    this.sockets += count;
    const key = `${cohort.name}/${group}`;
    const known = this.#clients.get(key);
    this.#clients.set(key, { cohort, group, count: (known?.count ?? 0) + count });
    const accessMs = (lastMileMs + distanceMs(homeOf(cohort), this.#deps.region)) * (1 + this.#deps.jitter / 2);
    const party = this.#parties.get(`${group}/${accessMs}`);
    if (party === undefined) this.#parties.set(`${group}/${accessMs}`, { group, accessMs, farthest: cohort.name, count });
    else party.count += count;
  }

  /** The relay died: everybody is gone. */
  empty(): Clients[] {
    const clients = [...this.#clients.values()];
    this.#clients = new Map();
    this.#parties = new Map();
    this.sockets = 0;
    return clients;
  }

  /** Subscribers were told that what lies before is lost, or that they begin here. */
  moveTo(position: number): void {
    this.shown = position;
  }

  /** Sends what is pending and answers how many milliseconds that takes. */
  flush(taken: readonly TakenRow[], now: number): number {
    const perRow = taken.map(({ row }) => this.#check(row));
    const totals = new Uint32Array(viewCount);
    for (const counts of perRow) for (const [view, count] of counts.entries()) totals[view] = (totals[view] ?? 0) + count;
    let spentMs = 0;
    for (const party of this.#parties.values()) {
      const matching = totals[groupKinds[party.group]?.view ?? 0] ?? 0;
      if (matching === 0) continue;
      const partMs = this.#send(party, matching);
      this.#noteArrivals(party, { taken, perRow, from: now + spentMs, partMs, flushedAt: now });
      spentMs += partMs;
    }
    this.longestFlushMs = Math.max(this.longestFlushMs, spentMs);
    return spentMs;
  }

  #check(row: LogRow): Uint32Array {
    const { tally } = this.#deps;
    const next = this.shown + 1;
    if (row.first > next) tally.holes += row.first - next;
    if (row.first < next) tally.repeats += next - row.first;
    this.shown = row.first + row.count - 1;
    return countByView(row.first, row.count);
  }

  #send({ group, count }: Party, matching: number): number {
    const { costs, tally, frameBytes } = this.#deps;
    const isBatch = groupKinds[group]?.batch ?? false;
    const eventBytes = matching * frameBytes.event;
    const sends = isBatch ? Math.ceil(eventBytes / batchBytesMax) : matching;
    const bytes = isBatch ? eventBytes + sends * frameBytes.batch + (matching - sends) * frameBytes.separator : eventBytes;
    tally.frames += count * sends;
    tally.deliveries += count * matching;
    tally.socketBytes += count * bytes;
    return count * (sends * costs.sendMs + (isBatch ? matching * costs.frameEventMs : 0));
  }

  /** Sockets of a party are served one after the other: on average half of them are still to come. */
  #noteArrivals(
    party: Party,
    sent: { taken: readonly TakenRow[]; perRow: readonly Uint32Array[]; from: number; partMs: number; flushedAt: number },
  ): void {
    const view = groupKinds[party.group]?.view ?? 0;
    const middle = sent.from + sent.partMs / 2 + party.accessMs;
    for (const [index, { row, takenAt, carrier }] of sent.taken.entries()) {
      const matching = sent.perRow[index]?.[view] ?? 0;
      if (matching === 0) continue;
      this.latency.add(middle - row.at, party.count * matching);
      const sentAt = sent.from + sent.partMs;
      const ms = sentAt + party.accessMs - row.at;
      if (ms <= (this.worst?.ms ?? 0)) continue;
      const { accessMs, farthest } = party;
      this.worst = { ms, postedAt: row.at, takenAt, flushedAt: sent.flushedAt, sentAt, accessMs, country: farthest, carrier };
    }
  }
}
