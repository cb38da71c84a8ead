/** `arbx log ls|cat|stats|verify`: the log of truth. What reads it is log-reading.ts, what judges it log-verdict.ts. */
import type { Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { renderPairs, type Column } from "../output.ts";
import { startProgress } from "../progress.ts";
import { iso, parseTime, timeHelp } from "../times.ts";
import { readHours, readLog, type Hour, type LoggedLine, type Reader, type Window } from "./log-reading.ts";
import { StatsCounter, type LogStats } from "./log-stats.ts";
import { Verifier, type Verdict } from "./log-verdict.ts";

type WindowOptions = Omit<Window, "stream">;
type Perform = (session: Session, window: Window, cli: Cli) => Promise<void>;

const parts: Readonly<Record<string, { readonly about: string; readonly perform: Perform }>> = {
  ls: { about: "its hours: in which state, how many events, what is missing", perform: list },
  cat: { about: "its events as NDJSON, however long the window", perform: cat },
  stats: { about: "counts by type, source and hour, and how late events were", perform: stats },
  verify: { about: "reads it all and proves that nothing is missing; ends with 1 when something is, or is corrupt", perform: verify },
};

/** One line a write would cost more than reading it. */
const pieceCharsMin = 65_536;
/** A window that ends this close to now is compared with where its stream stands. */
const liveMs = 1_000;

export function registerLog(program: Command, cli: Cli): void {
  const log = program.command("log").description("the log of truth: every event of a stream, once, in order");
  const time = (text: string): number => parseTime(text, cli.world.now());
  for (const [name, { about, perform }] of Object.entries(parts)) {
    log
      .command(name)
      .description(about)
      .argument("<stream>", "such as opportunities")
      .option("--from <time>", timeHelp, time)
      .option("--to <time>", "exclusive; now unless said", time)
      .addHelpText("after", `\nThe last hour unless said.\nExample: arbx log ${name} opportunities --from 1d`)
      .action(async (stream: string, { from = time("1h"), to = time("now") }: Partial<WindowOptions>, command: Command) => {
        if (to <= from) throw new CliError("usage", "--from must be before --to");
        await perform(cli.open(command), { stream, from, to }, cli);
      });
  }
}

async function list(session: Session, window: Window): Promise<void> {
  const { hours } = await readHours(session, window);
  await session.output.table(hours, hourColumns, "no hour of this window holds anything");
}

const hourColumns: readonly Column<Hour>[] = [
  { title: "HOUR", value: ({ hour }) => hour.replace(":00:00.000", ":00") },
  { title: "STATE", value: ({ state }) => state },
  { title: "EVENTS", value: ({ manifest }) => manifest?.events, align: "right" },
  { title: "MISSING", value: ({ manifest }) => manifest?.missing_positions, align: "right" },
  { title: "BYTES", value: ({ manifest }) => manifest?.bytes, align: "right" },
  { title: "RAW OBJECTS", value: ({ raw_objects: count }) => count, align: "right" },
  { title: "UNLISTED", value: ({ raw_unlisted: count }) => count, align: "right" },
];

async function cat(session: Session, window: Window, cli: Cli): Promise<void> {
  const { hours } = await readHours(session, window);
  let piece = "";
  let reached: LoggedLine | undefined;
  const flush = async (): Promise<void> => {
    const text = piece;
    piece = "";
    await session.output.raw(text);
  };
  cli.whenInterrupted(
    () =>
      `written up to ${reached === undefined ? "nothing" : `position ${reached.epoch}:${reached.offset}`}; go on with --from ${iso(reached?.at ?? window.from)}`,
  );
  const damaged: string[] = [];
  await readLog(session, window, {
    hours,
    reader: {
      async line(line) {
        piece += `${line.text}\n`;
        if (piece.length < pieceCharsMin) return;
        await flush();
        reached = line;
      },
      corrupt: (text) => void damaged.push(text.slice(0, 80)),
      hour: ({ coverage: { missing } }) =>
        void damaged.push(...missing.map(({ epoch, first, last }) => `${epoch}:${first}-${last} is missing`)),
    },
  });
  await flush();
  // Whoever pipes this on must not take it for whole.
  if (damaged.length > 0)
    throw new CliError("failed", `the log is not whole: ${damaged.slice(0, 3).join("; ")}`, {
      code: "LOG_DAMAGED",
      advice: "arbx log verify tells all",
    });
}

async function stats(session: Session, window: Window): Promise<void> {
  const counter = new StatsCounter();
  await readAll(session, window, { line: (line) => counter.line(line), corrupt: () => undefined, hour: () => undefined });
  await session.output.result(counter.stats(window.stream), renderStats);
}

async function verify(session: Session, window: Window): Promise<void> {
  const isLive = session.world.now() - window.to < liveMs;
  // Before the log is read: what comes meanwhile is not its fault.
  const top = isLive ? await findTop(session, window.stream) : undefined;
  const verifier = new Verifier();
  await readAll(session, window, verifier);
  const verdict = verifier.verdict(window.stream, top);
  await session.output.result(verdict, renderVerdict);
  if (!verdict.ok) throw new CliError("failed", `the log of ${window.stream} is not whole`, { code: "LOG_DAMAGED" });
}

async function findTop({ edge }: Session, stream: string): Promise<{ epoch: string; offset: number } | undefined> {
  const channels = await edge.get<readonly { stream: string; epoch?: string; top?: number }[]>("/ops/channels");
  const { epoch, top } = channels.find((channel) => channel.stream === stream) ?? {};
  return epoch === undefined || top === undefined ? undefined : { epoch, offset: top };
}

async function readAll(session: Session, window: Window, reader: Reader): Promise<void> {
  const { hours } = await readHours(session, window);
  const total = hours.every(({ manifest }) => manifest !== undefined)
    ? hours.reduce((sum, { manifest }) => sum + (manifest?.events ?? 0), 0)
    : undefined;
  const progress = startProgress(session.world.stderr, { label: window.stream, unit: "events", now: session.world.now });
  let done = 0;
  try {
    const line: Reader["line"] = async (logged) => {
      await reader.line(logged);
      done += 1;
      if (done % 1_000 === 0) progress.update({ done, total });
    };
    await readLog(session, window, { hours, reader: { line, corrupt: (text) => reader.corrupt(text), hour: (read) => reader.hour(read) } });
  } finally {
    progress.end();
  }
}

function renderStats({ stream, events, bytes, stale, lag_ms: lag, by_type, by_source, by_hour }: LogStats): string {
  const counts = (title: string, of: Readonly<Record<string, number>>): string =>
    `\n${title}\n${renderPairs(Object.entries(of)).replace(/^/gm, "  ")}`;
  const late = lag === undefined ? undefined : `p50 ${lag.p50} ms, p99 ${lag.p99} ms, max ${lag.max} ms`;
  const head = renderPairs([
    ["stream", stream],
    ["events", events],
    ["bytes", bytes],
    ["stale", stale],
    ["late by", late],
  ]);
  return events === 0 ? head : [head, counts("by type", by_type), counts("by source", by_source), counts("by hour", by_hour)].join("\n");
}

function renderVerdict(verdict: Verdict): string {
  const {
    ok,
    events,
    epochs,
    missing,
    missing_positions: missingPositions,
    corrupt,
    quarantined,
    copies,
    not_yet_logged: waiting,
  } = verdict;
  const findings = [
    ...epochs.map(({ epoch, first, last, events: held }) => `  epoch ${epoch}: ${first}-${last}, ${held} events`),
    ...missing.map(({ epoch, first, last }) => `  MISSING ${epoch}:${first}-${last}`),
    ...corrupt.map((what) => `  CORRUPT ${what}`),
    ...quarantined.map(({ key, reason }) => `  SET ASIDE ${key}: ${reason}`),
  ];
  const tail = [
    `${missingPositions} positions missing`,
    `${copies} copies`,
    ...(waiting === undefined ? [] : [`${waiting} not yet logged`]),
  ];
  return [`${ok ? "whole" : "NOT WHOLE"}: ${events} events, ${tail.join(", ")}`, ...findings].join("\n");
}
