/** How a replay is shown. Pure. */
import type { Replay } from "../../schemas/replay.ts";
import { renderPairs, type Cell, type Column } from "../output.ts";
import type { Reached } from "../progress.ts";

export const replayColumns: readonly Column<Replay>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "MODE", value: ({ mode }) => mode },
  { title: "STATE", value: ({ state, wanted }) => (wanted === undefined ? state : `${state}, to ${wanted}`) },
  { title: "STREAMS", value: ({ streams }) => streams.join(",") },
  { title: "FROM", value: ({ from }) => from },
  { title: "TO", value: ({ to }) => to },
  { title: "READ", value: ({ progress }) => progress.read, align: "right" },
  { title: "SENT", value: ({ progress }) => progress.sent, align: "right" },
  { title: "%", value: ({ progress }) => progress.percent?.toFixed(0), align: "right" },
  { title: "BY", value: ({ requested_by: by }) => by },
];

/** It changes no more by itself. */
export function isAtRest({ state }: Pick<Replay, "state">): boolean {
  return state !== "queued" && state !== "running";
}

export function reachedOf({ progress }: Replay): Reached {
  const { read, total, rate_per_second: ratePerSecond, eta_seconds: etaSeconds } = progress;
  // What is written while it reads was not in the log when it counted.
  return { done: read, total: total === undefined ? undefined : Math.max(total, read), ratePerSecond, etaSeconds };
}

export function renderReplay(replay: Replay): string {
  const { id, mode, state, streams, from, to, pace, progress, position, channel, error, result, requested_by: by } = replay;
  const at = position === undefined ? undefined : `${position.stream} ${position.epoch}:${position.offset}, of ${position.at}`;
  const pairs: readonly (readonly [string, Cell])[] = [
    ["replay", id],
    ["state", state],
    ["mode", mode],
    ["streams", streams.join(", ")],
    ["window", `${from} to ${to}`],
    ["types", replay.types?.join(", ")],
    ["entities", replay.entities?.join(", ")],
    ["pace", `${pace}, at most ${replay.events_per_second_max} events/s`],
    ["read", progress.total === undefined ? progress.read : `${progress.read} of ${progress.total}`],
    ["matched", progress.matched],
    ["sent", progress.sent],
    ["position", at],
    ["channel", channel],
    ["requested by", by],
    ["error", error],
  ];
  return [renderPairs(pairs), ...(result === undefined ? [] : [renderPairs(flat(result))])].join("\n");
}

const rowsShown = 24;
const rowCharsMax = 160;

/** A result by its names; lists and tables cut to what a screen shows, --json has all of it. */
function flat(value: Readonly<Record<string, unknown>>, prefix = ""): (readonly [string, Cell])[] {
  return Object.entries(value).flatMap(([name, item]): (readonly [string, Cell])[] => {
    const path = `${prefix}${name}`;
    if (Array.isArray(item)) {
      const rows = item.slice(0, rowsShown).map((row, index) => [`${path}[${index}]`, textOf(row)] as const);
      return item.length > rowsShown
        ? [...rows, [path, `${item.length - rowsShown} more, see --json`]]
        : item.length === 0
          ? [[path, "none"]]
          : rows;
    }
    if (typeof item === "object" && item !== null) return flat(item as Readonly<Record<string, unknown>>, `${path}.`);
    return [[path, textOf(item)]];
  });
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > rowCharsMax ? `${text.slice(0, rowCharsMax)}…` : text;
}
